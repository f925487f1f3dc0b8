"""Whether two profiles are one person's, in the way of Fellegi and Sunter: each field adds the logarithm of how much
likelier its agreement is between files of one person (m) than between strangers (u).

u of an agreement is how often its value occurs, so a rare surname counts more than a common one; m is learned from the
candidates themselves (`app.identity.learning`). The sum and the prior give a probability.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from app.identity.blocking import hashed
from app.identity.comparing import COMPARE, Level, compare_dates, compare_names, compare_sets, compare_texts
from app.identity.profiles import BIRTH, EMAIL, FAMILY, GIVEN, PHONE, Profile

SUGGEST_AT = 0.5
"""Pairs this probable are suggested."""
ACCEPT_AT = 0.999
"""Pairs this probable may be accepted unseen."""

_CROSSED = -2.0
"""Bits that given and family name in each other's place cost."""
_DOUBTFUL = 0.998
_OUTWEIGHS_SURNAME = 25.0
_PERSONAL = (BIRTH, EMAIL, PHONE)
SMALLEST_U = 1e-7
_COMMON_NAME = 20
"""Files that bear a name before two of them without anything else are no news."""
_MEMORY = 500_000
_ASSUMED_RECORDS = 300.0
"""Records' worth of what is assumed of frequencies before any were counted."""


class Rates(NamedTuple):
    """How often each level occurs between files of one person and between strangers."""

    m: tuple[float, ...]
    u: tuple[float, ...]


_DEFAULTS = {
    GIVEN: Rates((0.72, 0.14, 0.06, 0.08), (0.01, 0.005, 0.01, 0.975)),
    FAMILY: Rates((0.76, 0.12, 0.05, 0.07), (0.004, 0.003, 0.01, 0.983)),
    BIRTH: Rates((0.78, 0.09, 0.06, 0.07), (0.0001, 0.0008, 0.02, 0.98)),
    EMAIL: Rates((0.60, 0.15, 0.05, 0.20), (0.00001, 0.0003, 0.002, 0.998)),
    PHONE: Rates((0.60, 0.08, 0.02, 0.30), (0.00001, 0.0001, 0.0001, 0.9998)),
}
_DEFAULT_TEXT = Rates((0.70, 0.10, 0.05, 0.15), (0.05, 0.01, 0.02, 0.92))
_SWAPPED = {GIVEN: FAMILY, FAMILY: GIVEN}
_OWN = frozenset((GIVEN, FAMILY, BIRTH))


def default_rates(name: str) -> Rates:
    return _DEFAULTS.get(name, _DEFAULT_TEXT)


def value_key(name: str, value: str) -> int:
    """What a value is counted under: half the frequencies are of people's data, which nobody needs to keep in clear."""
    return hashed(f"{name}:{value}")


@dataclass(slots=True)
class Model:
    """What is known of the files as a whole."""

    records: int = 0
    prior: float = 1e-4
    rates: dict[str, Rates] = field(default_factory=dict)
    counts: Mapping[int, int] = field(default_factory=dict)
    """`value_key` → files with this value; absent: one, or too rare to be kept."""
    repeats: dict[str, dict[str, float]] = field(default_factory=dict)
    """Field → field → bits that agreement on the first takes from that on the second, which mostly goes with it."""

    _frequencies: dict[tuple[str, str], float] = field(default_factory=dict)

    def rates_of(self, name: str) -> Rates:
        return self.rates.get(name) or default_rates(name)

    def count(self, name: str, value: str) -> int:
        """Files with this value, as far as they were counted."""
        return max(self.counts.get(value_key(name, value), 2), 2)

    def frequency(self, name: str, value: str) -> float:
        """How much of the other files has this value; two are the ones compared."""
        known = self._frequencies.get((name, value))
        if known is None:
            assumed = min(self.rates_of(name).u[Level.exact], default_rates(name).u[Level.exact])
            others = max(self.counts.get(value_key(name, value), 0) - 2, 0)
            known = (others + _ASSUMED_RECORDS * assumed) / (self.records + _ASSUMED_RECORDS)
            if len(self._frequencies) < _MEMORY:
                self._frequencies[name, value] = known
        return known


class Evidence(NamedTuple):
    """What one field says; `weight` in bits."""

    field: str
    level: Level
    weight: float
    value: str
    u: float


@dataclass(slots=True)
class Match:
    score: float
    evidence: list[Evidence]


def score(model: Model, one: Profile, other: Profile) -> Match:
    evidence = weigh(model, one, other)
    if evidence is None:
        return Match(0.0, [])
    bits = math.log2(model.prior / (1 - model.prior)) + sum(each.weight for each in evidence)
    likely = min(probability(bits), _ceiling(evidence, bits))
    return Match(max(likely, SUGGEST_AT) if _is_one_name(model, one, other, evidence) else likely, evidence)


def _is_one_name(model: Model, one: Profile, other: Profile, evidence: Sequence[Evidence]) -> bool:
    """Two files that hold nothing but one name, however spelled, are worth a look unless half the town bears it."""
    return (
        not one.sets
        and not other.sets
        and one.values.keys() == other.values.keys() <= {GIVEN, FAMILY}
        and bool(evidence)
        and all(each.level <= Level.very_close for each in evidence)
        and all(model.count(each.field, each.value) <= _COMMON_NAME for each in evidence)
    )


def probability(bits: float) -> float:
    return 1 / (1 + math.exp2(-max(min(bits, 60.0), -60.0)))


def _ceiling(evidence: Sequence[Evidence], bits: float) -> float:
    """Relatives share nearly everything, twins even the birth date, fathers and sons the name. However much agrees,
    another given name or birth date, or nothing of their own but the name, is for somebody to look at. Surnames change:
    another one, or none, is outweighed by given name, birth date and much else."""
    levels = {each.field: each.level for each in evidence}
    agreeing = [name for name in _PERSONAL if levels.get(name, Level.different) <= Level.very_close]
    if Level.different in (levels.get(GIVEN), levels.get(BIRTH)) or not agreeing:
        return _DOUBTFUL
    if GIVEN not in levels:
        return 1.0 if len(agreeing) > 1 and levels.get(FAMILY) is not Level.different else _DOUBTFUL
    if levels.get(FAMILY, Level.different) is Level.different:
        same = levels[GIVEN] <= Level.very_close and BIRTH in agreeing
        return 1.0 if same and bits >= _OUTWEIGHS_SURNAME else _DOUBTFUL
    return 1.0


def weigh(model: Model, one: Profile, other: Profile) -> list[Evidence] | None:
    """What each field says; none where the given name and either surname or birth date contradict each other and no
    e-mail address is the same: those are two people, however much else they share."""
    evidence = _names(model, one, other)
    if BIRTH in one.values and BIRTH in other.values:
        ours, theirs = one.values[BIRTH], other.values[BIRTH]
        evidence.append(_evidence(model, BIRTH, compare_dates(ours, theirs), ours, theirs))
    contradicted = {each.field for each in evidence if each.level is Level.different}
    same_address = False
    for name in one.sets.keys() & other.sets.keys():
        level, value = compare_sets(one.sets[name], other.sets[name], COMPARE[name])
        evidence.append(_evidence(model, name, level, value, value))
        same_address |= name == EMAIL and level is Level.exact
    if GIVEN in contradicted and len(contradicted) > 1 and not same_address:
        return None
    for name, own in one.values.items():
        if name not in _OWN and (their := other.values.get(name)) is not None:
            evidence.append(_evidence(model, name, compare_texts(own, their), own, their))
    return _without_repeats(model, evidence) if model.repeats else evidence


def _without_repeats(model: Model, evidence: list[Evidence]) -> list[Evidence]:
    """What goes with something already counted (the city with the postcode, a household's surname with its street)
    counts only for what it adds."""
    evidence.sort(key=lambda each: each.weight, reverse=True)
    counted: list[str] = []
    for number, each in enumerate(evidence):
        if each.weight <= 0:
            break
        repeated = max((model.repeats.get(name, {}).get(each.field, 0.0) for name in counted), default=0.0)
        if repeated:
            less = min(repeated, each.weight)
            evidence[number] = each._replace(weight=each.weight - less, u=each.u * math.exp2(less))
        counted.append(each.field)
    return evidence


def _names(model: Model, one: Profile, other: Profile) -> list[Evidence]:
    """Given and family name, in their places or in each other's, whichever says more."""
    straight = [
        _evidence(
            model, name, compare_names(one.values[name], other.values[name]), one.values[name], other.values[name]
        )
        for name in (GIVEN, FAMILY)
        if name in one.values and name in other.values
    ]
    if len(straight) == 2 and all(each.level <= Level.very_close for each in straight):
        return straight
    crossed = []
    for name, swapped in _SWAPPED.items():
        if name in one.values and swapped in other.values:
            ours, theirs = one.values[name], other.values[swapped]
            crossed.append(_evidence(model, name, compare_names(ours, theirs), ours, theirs))
    if any(each.level is not Level.different for each in crossed) and sum(
        each.weight for each in crossed
    ) + _CROSSED > sum(each.weight for each in straight):
        crossed[0] = crossed[0]._replace(weight=crossed[0].weight + _CROSSED)
        return crossed
    return straight


def _evidence(model: Model, name: str, level: Level, ours: str, theirs: str) -> Evidence:
    rates = model.rates_of(name)
    if level is Level.different:
        return Evidence(name, level, math.log2(rates.m[level] / rates.u[level]), "", rates.u[level])
    u = rates.u[level]
    if level is Level.exact:
        u = model.frequency(name, ours)
    else:
        common = max(model.frequency(name, ours), model.frequency(name, theirs))
        u *= max(0.2, min(common / rates.u[Level.exact], 5.0))
    return Evidence(name, level, math.log2(rates.m[level] / max(u, SMALLEST_U)), ours, u)
