"""CSV and its kin: comma, semicolon, tab or bar, in whatever encoding."""

import csv
import itertools
from collections import Counter
from collections.abc import Iterator

from app.imports.formats.base import unreadable
from app.imports.formats.encodings import open_text
from app.imports.mapping import check_header, named

_DELIMITERS = ",;\t|"
_SAMPLED_LINES = 50
_WIDEST = 1000


class Delimited:
    """A delimited file; its first row names the columns."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        start = [line for line in itertools.islice(self._lines(), _SAMPLED_LINES) if line.strip()]
        if not start:
            raise unreadable("The file is empty.")
        self._skipped = 0
        self._delimiter = _delimiter(start)
        if start[0].lower().startswith("sep="):  # Excel's own word for it
            self._delimiter, self._skipped = start[0][4:5] or ",", 1
        _, header = next(self._records(), (0, []))
        check_header(header)
        if len(header) > _WIDEST:
            raise unreadable(f"The file has more than {_WIDEST} columns.")
        self.columns = named(header)

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        return itertools.islice(self._records(), 1, None)

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        lines = itertools.islice(self._lines(), self._skipped, None)
        reader = csv.reader(lines, delimiter=self._delimiter, skipinitialspace=True)
        line = 1 + self._skipped
        try:
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    yield line, cells
                line = reader.line_num + 1 + self._skipped
        except csv.Error as error:
            raise unreadable(f"The row at line {line} cannot be read: is a quotation mark never closed?") from error

    def _lines(self) -> Iterator[str]:
        return (line.replace("\0", "") for line in open_text(self._content))


def _delimiter(lines: list[str]) -> str:
    """The one that cuts most lines into as many cells as the first."""
    return max(_DELIMITERS, key=lambda delimiter: _agreement(lines, delimiter))


def _agreement(lines: list[str], delimiter: str) -> tuple[int, int]:
    try:
        widths = [len(cells) for cells in csv.reader(lines, delimiter=delimiter) if cells]
    except csv.Error:
        return 0, 0
    if not widths or widths[0] < 2:
        return 0, 0
    return Counter(widths)[widths[0]], widths[0]
