"""What people type into a search box, read as PostgreSQL queries over folded words."""

import re
from dataclasses import dataclass, replace

from app.text.digits import ascii_digits, strip_marks
from app.text.folding import spellings

_SHORTEST_FRAGMENT = 3
_BEFORE = "+@"
_NUMBER = r"(?<!\S)[+(]*\d[\d\s().-]*\d(?!\S)"
_TERMS = re.compile(rf"({_NUMBER})|\S+")


@dataclass(frozen=True, slots=True)
class Term:
    """One thing that is looked for: a word, an address, or a number with whatever stands between its digits."""

    words: str
    """As a tsquery: each of its words or a longer one; empty where there is none."""
    fragment: str
    """Of an identifier, lower-case; empty where it is too short to tell anybody apart."""
    is_number: bool

    @property
    def bare(self) -> str:
        """The fragment without what stands before an international number, an @username or a domain."""
        return self.fragment.lstrip(_BEFORE)


def terms(typed: str) -> list[Term]:
    found = []
    for match in _TERMS.finditer(ascii_digits(strip_marks(typed))):
        is_number = match[1] is not None
        fragment = re.sub(r"[^\d+]", "", match[0]) if is_number else _lower(match[0])
        term = Term(beginnings(match[0]), fragment, is_number)
        found.append(term if len(term.bare) >= _SHORTEST_FRAGMENT else replace(term, fragment=""))
    return found


def beginnings(typed: str) -> str:
    """A tsquery for texts that have, for each word typed, one that begins with it."""
    return " & ".join(_either(ways, ":*") for ways in spellings(typed))


def in_one(typed: str) -> str:
    """A tsquery for names that people write in one where these words stand apart; empty for a single word."""
    ways = spellings(typed)
    return f"{''.join(joined for joined, *_ in ways)[:64]}:*" if len(ways) > 1 else ""


def text_words(typed: str) -> str:
    """A tsquery for texts that have every word typed, the last of which may be unfinished."""
    *whole, last = spellings(typed) or [()]
    return " & ".join([*(_either(ways, "") for ways in whole), *([_either(last, ":*")] if last else [])])


def _either(ways: tuple[str, ...], end: str) -> str:
    """The word in one piece, or its parts: folded words hold nothing that means something in a tsquery."""
    joined, *parts = ways
    apart = " & ".join(part + end for part in parts)
    return f"({joined}{end} | ({apart}))" if parts else joined + end


def _lower(text: str) -> str:
    """ASCII alone, as `lower` of the database does in the C collation."""
    return "".join(letter.lower() if letter.isascii() else letter for letter in text)
