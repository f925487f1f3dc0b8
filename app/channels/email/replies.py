"""What a person newly wrote in a mail: its plain text without quoted mail, signature and device lines.

Written text lost is worse than quoted text left over, so a line that could be either stays. One pass gives each
line its fate:

* What is announced as somebody's words ("On … wrote:") goes: the quotation under it, or where nothing marks the
  quoted lines, all that follows. Answers between quoted lines stay, the quotations around them go.
* From "Original message", a block of mail headers or "reply above this line" on, everything goes.
* Quoted lines nobody announced stay if the writer goes on below them: they may be the writer's own citation.
* A signature ("-- ") goes up to the next mark; a closing line without that delimiter stays.

A mail in which nothing was written comes back whole, as a forwarded mail should; only a bare answer, an announced
quotation with nothing added, is empty.
"""

from collections.abc import Sequence
from enum import Enum

from app.channels.email import reply_marks as marks
from app.channels.email.reply_openings import LONGEST_OPENING, Sure, attribution, opens_quoted_mail, starts_with_date

_LOOKS = 3_000
"""Lines looked at closely; no person's answer has as many, and whoever sends them shall not order hours of work."""
_SIGNATURE_LINES = 8
_FOOTER_LINES = 8
_QUOTE_SIGNS = (">", "|")
_WRAP = 74
"""Mail programs break lines at 72 to 78 characters."""


class _Fate(Enum):
    written = "written"
    cited = "cited"
    dropped = "dropped"


def reply_text(text: str) -> str:
    """`text` is the plain text of a mail. Lines come back as they were, ends of lines as line feeds."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    reading = _Reading(text.split("\n"))
    reading.read()
    return reading.result() or ("" if reading.answers else text.strip())


class _Reading:
    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.shown = [marks.shown(line) if line else line for line in lines]
        self.fates: list[_Fate] = []
        self.has_written = False
        self.looks = 0
        self.answers = False
        """Whether a quotation was announced, so that quoted lines are an earlier mail and not a citation."""

    def read(self) -> None:
        while (at := len(self.fates)) < len(self.lines):
            line = self.shown[at]
            if not line:
                self._until(_next_line(self.shown, at), _Fate.written)
            elif line[0] == ">":
                self._quotation(at)
            elif not marks.may_be(line) or self.looks > _LOOKS:
                self._write()
            else:
                self._look(at)

    def _look(self, at: int) -> None:
        self.looks += 1
        if self._attribution(at):
            return
        if opens_quoted_mail(self.shown, at):
            self._cut()
        elif end := self._aside(at):
            self._until(end, _Fate.dropped)
        else:
            self._write()

    def result(self) -> str:
        """What was written, with one blank line where something between was left out."""
        last = max((at for at, fate in enumerate(self.fates) if fate is _Fate.written and self.shown[at]), default=-1)
        kept: list[str] = []
        gap = False
        for line, shown, fate in zip(self.lines, self.shown, self.fates[: last + 1], strict=False):
            if fate is _Fate.dropped or (fate is _Fate.cited and self.answers):
                gap = True
            elif shown or not gap or (kept and kept[-1].strip()):
                kept.append(line)
                gap = gap and not shown
        return "\n".join(kept).strip()

    def _until(self, end: int, fate: _Fate) -> None:
        self.fates.extend([fate] * (end - len(self.fates)))

    def _write(self) -> None:
        self.has_written = self.has_written or marks.RULE.fullmatch(self.shown[len(self.fates)]) is None
        self.fates.append(_Fate.written)

    def _cut(self) -> None:
        """All from here on is quoted, and the rule drawn above it was no person's."""
        at = len(self.fates) - 1
        while at >= 0 and _leads_to_quotation(self.shown[at]):
            self.fates[at] = _Fate.dropped
            at -= 1
        self._until(len(self.lines), _Fate.dropped)

    def _quotation(self, at: int) -> None:
        end = _quotation_end(self.shown, at, ">")
        if not self.answers and self.looks <= _LOOKS:
            self.looks += 1
            self.answers = _announced_inside(self.shown[at : min(end, at + LONGEST_OPENING)])
        self._until(end, _Fate.cited)

    def _attribution(self, at: int) -> bool:
        if self.shown[at][-1] == ":" and not starts_with_date(self.shown[at]):
            self._split_line(at)
        end, sure = attribution(self.shown, at)
        below = _next_line(self.shown, end)
        sign = self.shown[below][0] if below < len(self.shown) else ""
        if sure is Sure.no or (sure is Sure.above_quote and sign not in _QUOTE_SIGNS):
            return False
        self.answers = True
        if sign in _QUOTE_SIGNS:
            self._until(_quotation_end(self.shown, below, sign), _Fate.dropped)
        elif self.has_written:
            self._cut()
        else:
            self._until(end, _Fate.dropped)  # perhaps the answer stands somewhere below
        return True

    def _split_line(self, at: int) -> None:
        """Written text and an attribution on one line have lost the line break between them: put it back."""
        line = self.lines[at]
        for start in marks.MIDLINE.finditer(line) if len(line) <= marks.LONGEST_MARK else ():
            rest = marks.shown(line[start.start() :])
            if attribution([rest], 0)[1] is not Sure.no:
                written = line[: start.start()].rstrip()
                self.lines[at : at + 1] = written, rest
                self.shown[at : at + 1] = marks.shown(written), rest
                return

    def _aside(self, at: int) -> int:
        """End of the signature, mailing list footer or device line that starts here, or 0."""
        line = self.shown[at]
        if marks.SIGNATURE.fullmatch(line):
            exact = self.lines[at] in ("-- ", "--\xa0")
            end = _signature_end(self.shown, at + 1, _LOOKS if exact else _SIGNATURE_LINES)
            if exact or (end and not any(line.endswith(("?", "؟")) for line in self.shown[at + 1 : end])):
                return end or len(self.lines)
        if line.startswith("__") and marks.RULE.fullmatch(line):
            footer = [line for line in self.shown[at + 1 : at + 2 * _FOOTER_LINES] if line]
            if len(footer) <= _FOOTER_LINES and any(map(marks.LIST_FOOTER.search, footer)):
                return len(self.lines)
        return at + 1 if marks.is_device_line(line) else 0


def _next_line(shown: Sequence[str], at: int) -> int:
    while at < len(shown) and not shown[at]:
        at += 1
    return at


def _leads_to_quotation(line: str) -> bool:
    return not line or marks.RULE.fullmatch(line) is not None or line.rstrip(":").casefold() in marks.QUOTED_BELOW


def _announced_inside(quoted: Sequence[str]) -> bool:
    """Whether the quotation starts with its own attribution, as in "> On 3 May 2021, Ann Lee wrote:"."""
    inside = [line.lstrip("> ") for line in quoted]
    first = _next_line(inside, 0)
    if first == len(inside) or not marks.may_be(inside[first]):
        return False
    return attribution(inside, first)[1] is not Sure.no or opens_quoted_mail(inside, first)


def _quotation_end(shown: Sequence[str], at: int, sign: str) -> int:
    end = at + 1
    while end < len(shown):
        line = _next_line(shown, end)
        if line < len(shown) and shown[line].startswith(sign):
            end = line + 1
        elif line == end and _is_broken_off(shown, end, sign):
            end += 1
        else:
            break
    return end


def _is_broken_off(shown: Sequence[str], at: int, sign: str) -> bool:
    """Whether an unmarked line between two quoted ones was broken off the upper one by a mail program."""
    if at + 1 >= len(shown) or not shown[at + 1].startswith(sign):
        return False
    line, above = shown[at], shown[at - 1]
    if line[-1] == ">" and marks.LINK_AND_QUOTE_SIGN.fullmatch(line):
        return True
    fits = len(above) + 1 + len(line.partition(" ")[0]) <= _WRAP
    return not fits and above[-1] not in ".?!:;" and line[0].islower()


def _signature_end(shown: Sequence[str], at: int, longest: int) -> int:
    """The next mark of another kind; 0 if that is more than so many lines away."""
    for end in range(at, len(shown)):
        line = shown[end]
        if line and (line[0] == ">" or attribution(shown, end)[1] is not Sure.no or opens_quoted_mail(shown, end)):
            return end
        longest -= bool(line)
        if longest < 0:
            return 0
    return len(shown)
