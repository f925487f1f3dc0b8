"""The arithmetic of feedback: how many gave which answer → a figure, how sure it is, how far two of them differ.

Pure functions; `app.feedback.statistics.definitions` says the same in words. Without answers there is no figure:
`None`, never 0.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Literal

from app.feedback.scales import DETRACTOR, Scale
from app.feedback.student import normal_p, normal_quantile, t_p, t_quantile

Counts = Mapping[float, int]
"""How many gave each value."""
Method = Literal["wald", "adjusted_wald", "wilson", "t", "jackknife", "fisher", "z"]

PROMOTER = 9
"""The lowest answer of a promoter (Reichheld, "The One Number You Need to Grow", 2003)."""
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    low: float
    high: float
    level: float
    method: Method


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure that stands for more customers than answered."""

    n: int
    value: float
    standard_error: float | None
    """None where one answer tells nothing of the spread."""
    interval: Interval | None
    freedom: float | None = None
    """Degrees of freedom of a mean; None: the normal distribution is used."""


@dataclass(frozen=True, slots=True)
class Difference:
    value: float
    standard_error: float
    interval: Interval
    statistic: float | None
    """t or z; None, and p too, where no answer differs from another."""
    p: float | None


def size(counts: Counts) -> int:
    return sum(counts.values())


def loyalty(counts: Counts) -> dict[str, int]:
    """Promoters 9 and 10, passives 7 and 8, detractors 6 and less; the same cuts on 0 to 10 and 1 to 10."""
    promoters = sum(count for value, count in counts.items() if value >= PROMOTER)
    detractors = sum(count for value, count in counts.items() if value <= DETRACTOR)
    return {
        "promoters": promoters,
        "passives": size(counts) - promoters - detractors,
        "detractors": detractors,
    }


def net_promoter_score(counts: Counts, level: float = LEVEL) -> Estimate | None:
    """Points from -100 to 100: the share of promoters less that of detractors, with the Wald interval."""
    n, groups = size(counts), loyalty(counts)
    return _net(n, groups["promoters"], groups["detractors"], level, "wald") if n else None


def adjusted_net_promoter_interval(counts: Counts, level: float = LEVEL) -> Interval | None:
    """Three answers added, 3/4 a promoter and 3/4 a detractor (Sauro & Lewis): honest for a handful, and so wide there
    that it may reach beyond 100."""
    n, groups = size(counts), loyalty(counts)
    if not n:
        return None
    return _net(n + 3, groups["promoters"] + 0.75, groups["detractors"] + 0.75, level, "adjusted_wald").interval


def _net(n: int, promoters: float, detractors: float, level: float, method: Method) -> Estimate:
    net = (promoters - detractors) / n
    points = 100 * (promoters - detractors) / n  # not 100 * net: 35 of 250 are 14, not 14.000000000000002
    # max: of equal numbers rounding may leave less than nothing
    error = 100 * sqrt(max(0.0, (promoters + detractors) / n - net * net) / n)
    return Estimate(n, points, error, _around(points, error, normal_quantile(level), level, method))


def top_box(scale: Scale) -> float:
    """The lowest value of a satisfied customer: the two top boxes of scales of 4 to 11 points (4 of 5, 9 of 10), the
    upper quarter of the others (75 of 100)."""
    low, high = scale
    return high - 1 if 3 <= high - low <= 10 else low + (high - low) * 3 / 4


def easy_box(scale: Scale) -> float:
    """The lowest value of a customer who found it easy: the upper third of the scale (5 of 7, 4 of 5)."""
    low, high = scale
    return low + (high - low) * 2 / 3


def share(k: int, n: int, level: float = LEVEL) -> Estimate | None:
    """`k` of `n`, 0 to 1, with the Wilson interval."""
    if not n:
        return None
    return Estimate(n, k / n, sqrt(k / n * (1 - k / n) / n), wilson(k, n, level))


def wilson(k: int, n: int, level: float = LEVEL) -> Interval | None:
    """The score interval of a share (Wilson 1927): stays between 0 and 1, and is right for few answers."""
    if not n:
        return None
    z2 = normal_quantile(level) ** 2
    middle = (k + z2 / 2) / (n + z2)
    half = sqrt(z2) * sqrt(k * (n - k) / n + z2 / 4) / (n + z2)
    return Interval(max(0.0, middle - half), min(1.0, middle + half), level, "wilson")


def mean(counts: Counts, level: float = LEVEL) -> Estimate | None:
    """The arithmetic mean, with Student's t interval; one answer has none."""
    n = size(counts)
    if not n:
        return None
    average = sum(value * count for value, count in counts.items()) / n
    if n == 1:
        return Estimate(n, average, None, None)
    squares = sum((value - average) ** 2 * count for value, count in counts.items())
    error = sqrt(squares / (n - 1) / n)
    interval = _around(average, error, t_quantile(level, n - 1), level, "t")
    return Estimate(n, average, error, interval, n - 1)


def weighted_mean(values: Sequence[float], weights: Sequence[float | None]) -> float | None:
    """By weights of any size, 32 points or 6.1 on a scale; None where one is missing or all are 0."""
    known = [weight for weight in weights if weight is not None]
    if len(known) < len(values) or not sum(known):
        return None
    return sum(value * weight for value, weight in zip(values, known, strict=True)) / sum(known)


def reach(tellers: int, told: float, *, count_tellers: bool) -> float:
    """How many hear of it from so many tellers; a first telling only, not what is passed on."""
    return tellers * (told + count_tellers)


def difference(one: Estimate, other: Estimate, level: float = LEVEL) -> Difference | None:
    """`one` less `other`, of different customers: means by Welch's t test, shares and NPS by z."""
    if one.standard_error is None or other.standard_error is None:
        return None
    error = sqrt(one.standard_error**2 + other.standard_error**2)
    if one.freedom is None or other.freedom is None or not error:
        return compare(one.value - other.value, error, None, level)
    spread = one.standard_error**4 / one.freedom + other.standard_error**4 / other.freedom
    return compare(one.value - other.value, error, error**4 / spread, level)


def paired_difference(n: int, total: float, squares: float, level: float = LEVEL) -> Difference | None:
    """The mean of n differences with their sum and sum of squares, against 0 by the paired t test."""
    if n < 2:
        return None
    average = total / n
    variance = max(0.0, squares - total * average) / (n - 1)
    return compare(average, sqrt(variance / n), n - 1, level)


def compare(value: float, error: float, freedom: float | None, level: float = LEVEL) -> Difference:
    """A difference against 0; without degrees of freedom the normal distribution is used."""
    reach = normal_quantile(level) if freedom is None else t_quantile(level, freedom)
    interval = _around(value, error, reach, level, "z" if freedom is None else "t")
    if error <= 1e-12 * abs(value):
        return Difference(value, error, interval, None, None)
    statistic = value / error
    p = normal_p(statistic) if freedom is None else t_p(statistic, freedom)
    return Difference(value, error, interval, statistic, p)


def _around(value: float, error: float, reach: float, level: float, method: Method) -> Interval:
    return Interval(value - reach * error, value + reach * error, level, method)
