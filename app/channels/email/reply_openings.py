"""What opens quoted mail: a line naming who wrote, a heading, a block of mail headers."""

import re
from collections.abc import Iterator, Sequence
from enum import Enum

from app.channels.email import reply_marks as marks

LONGEST_OPENING = 16
"""Lines of a header block with its folded recipients."""

_ATTRIBUTION_LINES = 4
_STRANGE_LINES = 2
_LONGEST_HEADER = 30
_LONGEST_HEADING = 80
_LONGEST_REQUEST = 120
_LONGEST_VERB = 30
_DATE_WITHIN = 70
_ADDRESS_WITHIN = 240
_WORDS_BEFORE_DATE = 5
_ATTRIBUTION_WORDS = 18
_NAME_WORDS = 8
_PARTICLES = 2
_DASHES = "-‐–—―"
_DECORATION = _DASHES + "_=*~ "
_FRAME = _DASHES + "#=*_~<>[]|:"


class Sure(Enum):
    no = 0
    above_quote = 1
    """Only if marked quoted lines follow."""
    yes = 2


def opens_quoted_mail(shown: Sequence[str], at: int) -> bool:
    """Whether all from this line on is quoted or forwarded."""
    line = shown[at]
    return marks.may_be(line) and (_is_heading(line) or _is_header_block(shown, at) or _asks_to_reply_above(line))


def _is_heading(line: str) -> bool:
    """ "-----Original Message-----", "Begin forwarded message:" """
    core = line.strip(_DECORATION + ":<>[]|#").casefold()
    if line.endswith(":") and core in marks.FORWARD_STARTS:
        return True
    framed = line[0] in _DECORATION and (line[1:2] in _DECORATION or line[-1] in _DECORATION)
    return framed and len(core) <= _LONGEST_HEADING and core.startswith(marks.QUOTED_BELOW)


def _asks_to_reply_above(line: str) -> bool:
    framed = line[0] in _FRAME or line[-1] in _FRAME
    return framed and len(line) <= _LONGEST_REQUEST and marks.REPLY_ABOVE.search(line.casefold()) is not None


def _is_header_block(shown: Sequence[str], at: int) -> bool:
    """Headers as Outlook shows them: a date, a person, and an address or a subject; "From: Berlin, To: Munich, Date:
    3 May" is an order."""
    kinds: set[str] = set()
    address = False
    strange = 0
    for line in shown[at : at + LONGEST_OPENING]:
        kind, value = _header(line)
        if kind is None:
            strange += 1
            if not kinds or strange > _STRANGE_LINES:
                break
        elif kind in kinds:
            break
        else:
            strange = 0
            kinds.add(kind)
            address |= kind in ("from", "to") and "@" in value
    if "date" in kinds:
        return not kinds.isdisjoint({"from", "to"}) and (address or "subject" in kinds)
    return kinds >= {"from", "to", "subject"} and (address or "day" in kinds)


def _header(line: str) -> tuple[str | None, str]:
    """Kind of a header and its value; "Sent: Monday" is of the kind "day", for it tells less than a date."""
    key, colon, value = line.replace("*", "").partition(":")
    kind = marks.HEADERS.get(key.strip(" |").casefold()) if colon and len(key) <= _LONGEST_HEADER else None
    return ("day" if kind == "date" and not marks.DIGIT.search(value) else kind), value


def attribution(shown: Sequence[str], at: int) -> tuple[int, Sure]:
    """End of the attribution that starts here, and how sure it is one."""
    best = at + 1, Sure.no
    if not _may_announce(shown[at]):
        return best
    for window, end in _windows(shown, at):
        sure = _is_attribution(window)
        if sure is Sure.yes:
            return end, sure
        if sure is Sure.above_quote:
            best = end, sure
    return best


def _may_announce(line: str) -> bool:
    if len(line) > marks.LONGEST_MARK:
        return False
    framed = line[0] in _DASHES and line[-1] in _DASHES and not marks.RULE.fullmatch(line)
    return framed or line[-1] == ":" or "@" in line or "<" in line or _dated(line)


def _windows(shown: Sequence[str], at: int) -> Iterator[tuple[str, int]]:
    """The line, then the line with those it may have been broken into."""
    window, end = shown[at], at + 1
    yield window, end
    if not (starts_with_date(window) or "@" in window or "<" in window):
        return
    for _ in range(_ATTRIBUTION_LINES - 1):
        is_open = window.count("<") > window.count(">")
        line = shown[end] if end < len(shown) else ""
        if not line and end + 1 < len(shown) and (is_open or shown[end + 1] == "<"):
            end += 1
            line = shown[end]
        if not line or window[-1] in ":!?" or (line[0] == ">" and not is_open):
            return
        if len(window) + len(line) > marks.LONGEST_MARK or _restarts(window, line):
            return
        window, end = f"{window} {line}", end + 1
        yield window, end


def _restarts(window: str, line: str) -> bool:
    """Whether the attribution starts only at the second of two lines, so that the first is written text."""
    if marks.CLOCK.match(line) or ("@" in window and "@" not in line):
        return False
    return _dated(line) and starts_with_date(line)


def starts_with_date(line: str) -> bool:
    return marks.STARTS.match(line.lstrip(_DECORATION)) is not None and marks.DIGIT.search(line) is not None


def _dated(line: str) -> bool:
    """Whether it starts with a date, behind no more than a few words such as "On" and a weekday."""
    head = line[:_DATE_WITHIN]
    digit = marks.DIGIT.search(head)
    if digit is None or head.count(" ", 0, digit.start()) > _WORDS_BEFORE_DATE:
        return False
    return marks.DAY.search(head) is not None or marks.DAY_AND_CLOCK.search(head) is not None


def _is_attribution(window: str) -> Sure:
    core = window.strip(_DECORATION)
    named = core.rstrip(": ")
    framed = window[0] in _DASHES and window[-1] in _DASHES
    finished = core.endswith(":")
    if not (finished or framed or "@" in core):
        return Sure.no
    folded = named.casefold()
    if len(folded) != len(named):
        named = folded
    verb = _verb(folded, anywhere=finished and (len(core) <= _DATE_WITHIN or "@" in core or _dated(core)))
    if verb is None:
        return _without_verb(core, finished=finished) if finished or core.endswith(">") else Sure.no
    before, after = named[: verb.start()].strip(), named[verb.end() :].strip()
    if _tells_itself(before, after) or not (finished or framed or "@" in before):
        return Sure.no
    if not after:
        return _verb_last(before, framed=framed)
    return _verb_between(before, after)


def _verb(named: str, *, anywhere: bool) -> re.Match[str] | None:
    """The verb at the end, or else the first one."""
    if named.endswith(marks.WROTE_ENDS):
        for verb in marks.WROTE.finditer(named, max(0, len(named) - _LONGEST_VERB)):
            if verb.end() == len(named):
                return verb
    return marks.WROTE.search(named) if anywhere else None


def _tells_itself(before: str, after: str) -> bool:
    """ "On Monday at 10:30 I wrote:" is a person telling, not a mail program naming somebody."""
    near = (*before.split()[-1:], *after.split()[:1])
    return any(word.strip(",.").casefold() in marks.OWN for word in near)


def _verb_last(before: str, *, framed: bool) -> Sure:
    """ "On 3 May 2021 at 10:15, Ann Lee <ann@example.com> wrote:" """
    dated, at_sign = _dated(before), before.find("@", 0, _ADDRESS_WITHIN)
    if framed or (dated and at_sign >= 0):
        return Sure.yes
    if dated:
        return _by_date(before) if before.count(" ") < _ATTRIBUTION_WORDS else Sure.no
    if at_sign >= 0:
        return Sure.yes if _is_name(before[:at_sign].split()) else Sure.above_quote
    if starts_with_date(before):
        return Sure.above_quote
    return _by_name(before)


def _by_date(core: str) -> Sure:
    """Without an address only the full date tells, and less where a sentence could begin like this."""
    return Sure.yes if starts_with_date(core) and marks.CLOCK.search(core) else Sure.above_quote


def _by_name(words: str) -> Sure:
    """ "Ann Lee wrote:" or "Gestern schrieb Ann Lee:", which above no quotation could be anybody's sentence."""
    name = words.split()
    is_name = name and _is_name(name) and not any(word[0].islower() or word[-1] in ",،;" for word in name)
    return Sure.above_quote if is_name else Sure.no


def _is_name(words: Sequence[str]) -> bool:
    return len(words) <= _NAME_WORDS and sum(word[0].islower() for word in words) <= _PARTICLES


def _verb_between(before: str, after: str) -> Sure:
    """ "Am 3. Mai 2021 um 10:15 schrieb Ann Lee:" or "Ann Lee <ann@example.com> schrieb am 3. Mai 2021:" """
    if not _dated(before):
        name, at_sign, _ = before[:_ADDRESS_WITHIN].partition("@")
        if not at_sign:
            return _by_name(f"{before} {after}")
        return Sure.yes if _dated(after) and _is_name(name.split()) else Sure.no
    if not _is_name([word for word in after.split() if "@" not in word]):
        return Sure.no
    return Sure.yes if "@" in after else _by_date(before)


def _without_verb(core: str, *, finished: bool) -> Sure:
    """ "2021-05-03 10:15 Ann Lee <ann@example.com>:" """
    if not _dated(core):
        return Sure.above_quote if marks.QUOTING.match(core) else Sure.no
    words = core.casefold().split()
    if len(words) > _ATTRIBUTION_WORDS or not marks.OWN.isdisjoint(word for word in words if word.isascii()):
        return Sure.no
    addressed = core.rstrip(": ").endswith((">", ")", "]")) and "@" in core
    if finished and addressed:
        return Sure.yes if starts_with_date(core) else Sure.above_quote
    if finished:
        return Sure.above_quote if _by_date(core) is Sure.yes else Sure.no
    return Sure.above_quote if addressed and marks.ISO_DAY.match(core) else Sure.no
