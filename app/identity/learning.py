"""Learns a model from the files themselves: how often levels occur between strangers from random pairs, how often
between files of one person by expectation and maximisation (EM) over the candidates."""

import math
import random
import re
from collections import Counter
from collections.abc import Mapping, Sequence

from app.identity.comparing import COMPARE, Level, compare_sets, compare_texts
from app.identity.matching import SMALLEST_U, Model, Rates, default_rates, probability, weigh
from app.identity.profiles import BIRTH, FAMILY, GIVEN, Profile

_ROUNDS = 12
_CREDIBLE = 1e-4
_ASSUMED_PAIRS = 60.0
"""Pairs of one person's worth of what is assumed of m before any were seen."""
_ASSUMED_STRANGERS = 2000.0
_RANDOM_PAIRS = 20_000
_ASSUMED_TOGETHER = 20.0
_PLACES_GO_TOGETHER = 0.3
_PLACE = re.compile(
    "city|town|suburb|post|zip|state|province|county|country|region|district|street|address|شهر|استان|کد پستی"
)
_MOST_DIFFERENT = {GIVEN: 0.2, FAMILY: 0.25, BIRTH: 0.15}
_MOST_TEXT_DIFFERENT = 0.6
"""Of files of one person: more would mean that what is learned are relatives."""


def learn(
    profiles: Sequence[Profile],
    counts: Mapping[int, int],
    records: int,
    candidates: Sequence[tuple[Profile, Profile]],
    share: float,
) -> Model:
    """`profiles` and `candidates` are samples; `share` is how much of all candidates the latter are."""
    model = Model(records=records, counts=counts, prior=assumed_prior(records))
    _learn_strangers(model, profiles)
    _learn_repeats(model, profiles, candidates)
    _learn_same(model, candidates, share)
    return model


def assumed_prior(records: int) -> float:
    return 0.4 / max(records, 1000)


def _learn_strangers(model: Model, profiles: Sequence[Profile]) -> None:
    chance = random.Random(0)  # noqa: S311  a sample, no secret
    seen: dict[str, Counter[Level]] = {}
    for _ in range(_RANDOM_PAIRS if len(profiles) > 1 else 0):
        one, other = chance.sample(profiles, 2)
        for name in one.values.keys() & other.values.keys():
            level = COMPARE.get(name, compare_texts)(one.values[name], other.values[name])
            seen.setdefault(name, Counter())[level] += 1
        for name in one.sets.keys() & other.sets.keys():
            level, _ = compare_sets(one.sets[name], other.sets[name], COMPARE[name])
            seen.setdefault(name, Counter())[level] += 1
    for name, levels in seen.items():
        assumed = default_rates(name)
        weight = min(_ASSUMED_STRANGERS, 200.0 + 0.1 * sum(levels.values()))
        total = sum(levels.values()) + weight
        u = tuple((levels[level] + weight * assumed.u[level]) / total for level in Level)
        model.rates[name] = Rates(assumed.m, u)


def _learn_repeats(model: Model, profiles: Sequence[Profile], candidates: Sequence[tuple[Profile, Profile]]) -> None:
    """What agrees because something else does, between strangers: pairs that agree on one field, asked for the others.

    Strangers are those whose given names and birth dates both differ."""
    together: dict[tuple[str, str], int] = Counter()
    asked: dict[tuple[str, str], int] = Counter()
    chance = random.Random(1)  # noqa: S311  a sample, no secret
    strangers = [chance.sample(profiles, 2) for _ in range(_RANDOM_PAIRS if len(profiles) > 1 else 0)]
    for one, other in (*strangers, *candidates):
        if not _are_strangers(one, other):
            continue
        both = [*(one.values.keys() & other.values.keys() - {GIVEN, BIRTH}), *(one.sets.keys() & other.sets.keys())]
        agree = {name for name in both if _agree(one, other, name)}
        for first in agree:
            for second in both:
                if second != first:
                    asked[first, second] += 1
                    together[first, second] += second in agree
    for (first, second), times in asked.items():
        alone = model.rates_of(second).u[Level.exact]
        assumed = _PLACES_GO_TOGETHER if _PLACE.search(first) and _PLACE.search(second) else alone
        share = (together[first, second] + _ASSUMED_TOGETHER * assumed) / (times + _ASSUMED_TOGETHER)
        if (bits := math.log2(share / alone)) > 1:
            model.repeats.setdefault(first, {})[second] = bits


def _are_strangers(one: Profile, other: Profile) -> bool:
    return all(
        COMPARE[name](one.values[name], other.values[name]) is Level.different
        if name in one.values and name in other.values
        else name == BIRTH
        for name in (GIVEN, BIRTH)
    )


def _agree(one: Profile, other: Profile, name: str) -> bool:
    if name in one.sets:
        return not set(one.sets[name]).isdisjoint(other.sets[name])
    return one.values[name] == other.values[name]


def _learn_same(model: Model, candidates: Sequence[tuple[Profile, Profile]], share: float) -> None:
    patterns = _patterns(model, candidates)
    fields = {name for pattern in patterns for name, _ in pattern}
    possible = max(model.records * (model.records - 1) / 2, 1.0)
    for _ in range(_ROUNDS):
        seen: dict[str, list[float]] = {name: [0.0] * len(Level) for name in fields}
        start = math.log2(model.prior / (1 - model.prior))
        same = 0.0
        for pattern, rarities in patterns.items():
            bits = start + sum(math.log2(model.rates_of(name).m[level]) for name, level in pattern)
            belief = sum(each for each in (probability(bits + rarity) for rarity in rarities) if each >= _CREDIBLE)
            same += belief
            for name, level in pattern:
                seen[name][level] += belief
        _maximise(model, seen)
        assumed = assumed_prior(model.records)
        model.prior = min(max((same / share) / possible, assumed / 10), 0.05)


def _patterns(
    model: Model, candidates: Sequence[tuple[Profile, Profile]]
) -> dict[tuple[tuple[str, Level], ...], list[float]]:
    """Fields with their levels → for each pair that has just these, the bits of its values' rarity (u), which learning
    does not change."""
    patterns: dict[tuple[tuple[str, Level], ...], list[float]] = {}
    for one, other in candidates:
        if evidence := weigh(model, one, other):
            pattern = tuple(sorted((each.field, each.level) for each in evidence))
            patterns.setdefault(pattern, []).append(-sum(math.log2(max(each.u, SMALLEST_U)) for each in evidence))
    return patterns


def _maximise(model: Model, seen: Mapping[str, Sequence[float]]) -> None:
    for name, beliefs in seen.items():
        assumed = default_rates(name)
        total = sum(beliefs) + _ASSUMED_PAIRS
        m = tuple((belief + _ASSUMED_PAIRS * part) / total for belief, part in zip(beliefs, assumed.m, strict=True))
        model.rates[name] = Rates(_bounded(m, _MOST_DIFFERENT.get(name, _MOST_TEXT_DIFFERENT)), model.rates_of(name).u)


def _bounded(m: tuple[float, ...], most: float) -> tuple[float, ...]:
    different = min(m[Level.different], most)
    rest = sum(m[: Level.different])
    return (*(part * (1 - different) / rest for part in m[: Level.different]), different)
