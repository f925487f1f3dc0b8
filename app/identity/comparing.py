"""How alike two values of one field are, in four levels; what is missing on either side says nothing."""

from collections.abc import Callable
from enum import IntEnum
from functools import lru_cache
from itertools import product

from rapidfuzz.distance import OSA, Indel, JaroWinkler, Levenshtein

from app.identity.profiles import BIRTH, EMAIL, FAMILY, GIVEN, PHONE
from app.text.transliteration import skeletons


class Level(IntEnum):
    exact = 0
    very_close = 1
    close = 2
    different = 3


_MEMORY = 200_000
_VERY_ALIKE = 0.92
_ALIKE = 0.82
_UNLIKE = 0.5
_SAME_SOUND = 0.6
"""Of letters: words of one script and one skeleton that differ more are only close."""


@lru_cache(maxsize=_MEMORY)
def compare_names(one: str, other: str) -> Level:
    if one == other:
        return Level.exact
    if _joined(one) == _joined(other) or sorted(one.split()) == sorted(other.split()):
        return Level.very_close
    alike = JaroWinkler.similarity(one, other)
    if 0 < alike < _UNLIKE and len(one) > 1 < len(other):
        return Level.different
    sounds_alike = _sound_alike(one, other)
    if alike >= _VERY_ALIKE or _one_slip(one, other) or (sounds_alike and (alike == 0 or alike >= _SAME_SOUND)):
        return Level.very_close
    if alike >= _ALIKE or sounds_alike or _partly(one.split(), other.split()) or _scrambled(one, other):
        return Level.close
    return Level.different


def _joined(name: str) -> str:
    return name.replace(" ", "")


def _one_slip(one: str, other: str) -> bool:
    """One letter wrong, missing, too many or changed places with its neighbour, in words long enough to tell."""
    return min(len(one), len(other)) > 3 and OSA.distance(one, other, score_cutoff=1) <= 1


def _scrambled(one: str, other: str) -> bool:
    """Two slips in a longer word, or its letters in another order."""
    shorter = min(len(one), len(other))
    return (shorter > 4 and OSA.distance(one, other, score_cutoff=2) <= 2) or (
        shorter > 3 and sorted(one) == sorted(other)
    )


def _sound_alike(one: str, other: str) -> bool:
    ours, theirs = one.split(), other.split()
    return len(ours) == len(theirs) and all(
        not set(skeletons(left)).isdisjoint(skeletons(right)) for left, right in zip(ours, theirs, strict=True)
    )


def _partly(one: list[str], other: list[str]) -> bool:
    """A second given name left out, or only an initial."""
    shorter, longer = sorted((one, other), key=len)
    return (len(longer) > len(shorter) and set(shorter) <= set(longer)) or (
        len(shorter) == len(longer) and all(_abbreviates(left, right) for left, right in zip(one, other, strict=True))
    )


def _abbreviates(one: str, other: str) -> bool:
    return one == other or (1 in (len(one), len(other)) and one[0] == other[0])


@lru_cache(maxsize=_MEMORY)
def compare_dates(one: str, other: str) -> Level:
    """Eight digits each, year first."""
    if one == other:
        return Level.exact
    year, month, day = one[:4], one[4:6], one[6:]
    if other == year + day + month or OSA.distance(one, other, score_cutoff=1) <= 1:
        return Level.very_close
    equal = (year == other[:4]) + (month == other[4:6]) + (day == other[6:])
    if equal == 2 or year == other[:4] or OSA.distance(one, other, score_cutoff=2) <= 2:
        return Level.close
    return Level.different


@lru_cache(maxsize=_MEMORY)
def compare_texts(one: str, other: str) -> Level:
    if one == other:
        return Level.exact
    if Indel.normalized_similarity(one, other, score_cutoff=_UNLIKE) == 0:
        return Level.very_close if sorted(one.split()) == sorted(other.split()) else Level.different
    if _is_code(one) or _is_code(other):
        return _compare_codes(one, other)
    if _joined(one) == _joined(other) or sorted(one.split()) == sorted(other.split()):
        return Level.very_close
    alike = JaroWinkler.similarity(one, other)
    if alike >= _VERY_ALIKE or _one_slip(one, other):
        return Level.very_close
    if alike >= _ALIKE or _scrambled(one, other) or Levenshtein.normalized_similarity(one, other) >= 0.7:
        return Level.close
    return Level.different


def _is_code(text: str) -> bool:
    return 2 * sum(map(str.isdigit, text)) >= len(text)


def _compare_codes(one: str, other: str) -> Level:
    """Numbers say little when they differ: one digit off is close where there are several."""
    if min(len(one), len(other)) > 2 and OSA.distance(one, other, score_cutoff=1) <= 1:
        return Level.very_close
    if min(len(one), len(other)) > 1 and (sorted(one) == sorted(other) or OSA.distance(one, other) <= 1):
        return Level.close
    return Level.different


def compare_sets(
    one: tuple[str, ...], other: tuple[str, ...], compare: Callable[[str, str], Level]
) -> tuple[Level, str]:
    """The best of all pairs, and its value."""
    return min((compare(left, right), left) for left, right in product(one, other))


@lru_cache(maxsize=_MEMORY)
def compare_emails(one: str, other: str) -> Level:
    if one == other:
        return Level.exact
    if _digits(one) != _digits(other) or not one or not other:
        return Level.different
    ours, theirs = one.rpartition("@")[0], other.rpartition("@")[0]
    alike = Levenshtein.normalized_similarity(one, other)
    if (ours == theirs and len(ours) > 3) or alike >= 0.85 or OSA.distance(one, other, score_cutoff=3) <= 3:
        return Level.very_close
    return Level.close if alike >= 0.7 or OSA.normalized_similarity(ours, theirs) >= 0.8 else Level.different


def _digits(text: str) -> list[str]:
    """In any order. Two of one name differ in the number they chose."""
    return sorted(filter(str.isdigit, text))


@lru_cache(maxsize=_MEMORY)
def compare_phones(one: str, other: str) -> Level:
    if one == other:
        return Level.exact
    return Level.very_close if OSA.distance(one, other, score_cutoff=1) <= 1 else Level.different


COMPARE: dict[str, Callable[[str, str], Level]] = {
    GIVEN: compare_names,
    FAMILY: compare_names,
    BIRTH: compare_dates,
    EMAIL: compare_emails,
    PHONE: compare_phones,
}
"""Every other field is a text."""
