"""Words of any script side by side on one screen.

Terminals turn right-to-left text around themselves, or not at all. Such text stands isolated, and last in its line, so
that either way the columns before it stay where they are.
"""

from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from app.text.languages import is_right_to_left

_ISOLATE, _POP = "\u2067", "\u2069"  # right-to-left isolate: a line that begins with a digit reads so, too
_COMMANDS = dict.fromkeys({*range(32), *range(127, 160)} - {ord("\n")})
"""What a terminal would obey instead of showing it."""


class Words:
    """Text of any script, each of its lines isolated if it reads from right to left."""

    def __init__(self, text: str, style: str = "") -> None:
        self._text = Text(text.translate(_COMMANDS), style)
        self._marks = (_ISOLATE, _POP) if is_right_to_left(text) else ("", "")

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        before, after = self._marks
        for line in self._text.wrap(console, options.max_width):
            line.rstrip()
            yield Text.assemble(before, line, after)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement.get(console, options, self._text)


def isolated(text: str) -> str:
    return f"{_ISOLATE}{text}{_POP}" if is_right_to_left(text) else text


def spoken(channel: str) -> str:
    return channel.replace("_", " ")


def borderless() -> Table:
    return Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
