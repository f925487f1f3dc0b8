"""What duplicate detection sees of a customer: folded names, birth date, addresses and every scalar attribute."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.text.digits import ascii_digits
from app.text.folding import fold

GIVEN, FAMILY, BIRTH, EMAIL, PHONE = "given_name", "family_name", "birth_date", "email", "phone"

_TITLES = {
    *("mr", "mrs", "ms", "miss", "dr", "prof"),
    *("آقای", "اقای", "خانم", "دکتر", "مهندس"),
    *("السید", "السیده", "الدکتور", "מר", "גב", "דר"),
}
_BIRTH_KEY = re.compile(r"(^|_)(dob|birth|bday|born)|birth(day|date)?|geburt|naissance|تولد|میلاد|לידה")
_PHONE_KEY = re.compile(r"phone|mobile|(^|_)(tel|cell)(_|$)|تلفن|موبایل|هاتف|טלפון")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_DATE = re.compile(r"(\d{1,4})[-/. ](\d{1,2})[-/. ](\d{1,4})(?:[T ].*)?|(\d{8})(?:\.0)?")
_LONGEST = 200
_PHONE_TAIL = 8
"""Digits that are the same with and without country code or trunk zero."""


@dataclass(slots=True)
class Profile:
    """`values`: field → folded value; `sets`: e-mail addresses and phone tails, of which any may agree."""

    kind: str
    values: dict[str, str] = field(default_factory=dict)
    sets: dict[str, tuple[str, ...]] = field(default_factory=dict)


def profile(
    *,
    kind: str,
    display_name: str | None,
    given_name: str | None,
    family_name: str | None,
    attributes: Mapping[str, Any],
    identifiers: Iterable[tuple[str, str]],
) -> Profile:
    found = Profile(kind)
    emails: set[str] = set()
    phones: set[str] = set()
    for name, value in attributes.items():
        _take(found, fold(name).replace(" ", "_") or name, value, emails, phones)
    given, family = _words(given_name), _words(family_name)
    if not given and not family and display_name:
        given, family = _parted(_words(display_name), kind)
    for place, words in ((GIVEN, given), (FAMILY, family)):
        if words:
            found.values[place] = " ".join(words)[:_LONGEST]
    for identifier_kind, value in identifiers:
        if identifier_kind == "email":
            emails.add(value.lower())
        elif identifier_kind in ("phone", "whatsapp", "fax"):
            phones.add(_tail(value))
    for place, addresses in ((EMAIL, emails), (PHONE, phones)):
        if addresses:
            found.sets[place] = tuple(sorted(addresses))
    return found


def _take(found: Profile, name: str, value: Any, emails: set[str], phones: set[str]) -> None:
    """An attribute; what is no scalar tells nothing that can be compared."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return
    text = ascii_digits(str(value)).strip()[:_LONGEST]
    if _EMAIL.fullmatch(text):
        emails.add(text.lower())
    elif _PHONE_KEY.search(name) and sum(map(str.isdigit, text)) >= _PHONE_TAIL:
        phones.add(_tail(text))
    elif _BIRTH_KEY.search(name) and (day := date_key(text)):
        found.values[BIRTH] = day
    elif folded := fold(text):
        found.values[name] = folded


def date_key(text: str) -> str | None:
    """A date as eight digits, year first, as far as its form tells; days and months are not checked: typing errors are
    what this is for."""
    match = _DATE.fullmatch(text)
    if match is None:
        return None
    if match[4]:
        return (
            match[4] if match[4][:2] in ("13", "14", "18", "19", "20") else match[4][4:] + match[4][2:4] + match[4][:2]
        )
    first, middle, last = match[1], match[2], match[3]
    year, day = (first, last) if len(first) == 4 else (last, first)
    if len(year) == 2:
        year = ("19" if year > "30" else "20") + year
    return f"{year:0>4}{middle:0>2}{day:0>2}"


def _words(name: str | None) -> list[str]:
    words = fold(name or "").split()
    return [word for word in words if word not in _TITLES] or words


def _parted(words: list[str], kind: str) -> tuple[list[str], list[str]]:
    """A whole name as given and family name; an organisation's is one."""
    if kind != "person" or len(words) < 2:
        return words, []
    return words[:-1], words[-1:]


def _tail(number: str) -> str:
    return "".join(filter(str.isdigit, number))[-_PHONE_TAIL:]
