"""What drives the overall score: how much of it each attribute explains, beside how well it is done.

LMG (Lindeman, Merenda & Gold 1980; Shapley values of R²): what an attribute adds to R², averaged over all orders in
which the attributes may come; never negative, and the shares add up to R². All from sums of products, so the answers
themselves stay in the database.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import atanh, comb, isclose, sqrt, tanh

from app.feedback.measures import Interval
from app.feedback.student import normal_quantile, t_quantile

MOST_ATTRIBUTES = 12
"""Each one more doubles the work."""

Triangle = Sequence[Sequence[float]]
"""The upper half of a symmetric matrix: row i begins with the diagonal, at column i."""


class Quadrant(StrEnum):
    """Of importance-performance analysis (Martilla & James, "Importance-Performance Analysis", 1977)."""

    concentrate_here = "concentrate_here"
    keep_up = "keep_up"
    low_priority = "low_priority"
    possible_overkill = "possible_overkill"


@dataclass(frozen=True, slots=True)
class Sums:
    """Of answers that have all the variables, the overall score last: how many, their sums, the sums of products."""

    n: int
    totals: Sequence[float]
    products: Triangle

    def __add__(self, other: "Sums") -> "Sums":
        return self._with(other, 1)

    def __sub__(self, other: "Sums") -> "Sums":
        return self._with(other, -1)

    def _with(self, other: "Sums", sign: int) -> "Sums":
        totals = [one + sign * two for one, two in zip(self.totals, other.totals, strict=True)]
        rows = zip(self.products, other.products, strict=True)
        products = [[one + sign * two for one, two in zip(*pair, strict=True)] for pair in rows]
        return Sums(self.n + sign * other.n, totals, products)

    def deviations(self) -> Triangle:
        """Sums of products of deviations from the means."""
        return [
            [value - self.totals[i] * other / self.n for value, other in zip(row, self.totals[i:], strict=True)]
            for i, row in enumerate(self.products)
        ]

    def constant(self) -> list[int]:
        """Variables that never differ."""
        return [
            i
            for i, (deviations, products) in enumerate(zip(self.deviations(), self.products, strict=True))
            if deviations[0] <= 1e-9 * max(products[0], 1e-9)
        ]


@dataclass(frozen=True, slots=True)
class Importance:
    value: float
    interval: Interval | None


def correlations(sums: Sums, level: float) -> list[Importance]:
    """Pearson's, of each attribute with the overall score, with Fisher's interval."""
    matrix = correlation_matrix(sums)
    return [Importance(row[-1], _fisher(row[-1], sums.n, level)) for row in matrix[:-1]]


def _fisher(correlation: float, n: int, level: float) -> Interval | None:
    if n < 4 or isclose(abs(correlation), 1, abs_tol=1e-12):
        return None
    middle, half = atanh(correlation), normal_quantile(level) / sqrt(n - 3)
    return Interval(tanh(middle - half), tanh(middle + half), level, "fisher")


def correlation_matrix(sums: Sums) -> Triangle:
    deviations = sums.deviations()
    spread = [sqrt(row[0]) for row in deviations]
    return [
        [max(-1.0, min(1.0, value / one / other)) for value, other in zip(row, spread[i:], strict=True)]
        for i, (row, one) in enumerate(zip(deviations, spread, strict=True))
    ]


def lmg(correlated: Triangle) -> list[float]:
    """The share of R² of each attribute; of a correlation matrix with the overall score last."""
    attributes = len(correlated) - 1
    unexplained = _unexplained(correlated)
    weights = [1 / (attributes * comb(attributes - 1, size)) for size in range(attributes)]
    shares = [0.0] * attributes
    for subset, rest in enumerate(unexplained[:-1]):
        weight = weights[subset.bit_count()]
        for attribute in range(attributes):
            if not subset >> attribute & 1:
                shares[attribute] += weight * (rest - unexplained[subset | 1 << attribute])
    return shares


def _unexplained(correlated: Triangle) -> list[float]:
    """1 - R² of each subset of attributes; bit i of its number stands for attribute i.

    Attribute after attribute is either left out or swept out of the others (Gaussian elimination), so each subset costs
    one step from a smaller one.
    """
    found = [correlated]
    for _ in range(len(correlated) - 1):
        found = [matrix[1:] for matrix in found] + [_swept(matrix) for matrix in found]
    return [matrix[0][0] for matrix in found]


def _swept(matrix: Triangle) -> Triangle:
    first, *others = matrix
    if first[0] < 1e-10:  # those before tell all of it already
        return others
    return [
        [value - first[i] / first[0] * other for value, other in zip(row, first[i:], strict=True)]
        for i, row in enumerate(others, 1)
    ]


def lmg_importance(blocks: Sequence[Sums], level: float) -> list[Importance]:
    """LMG of all blocks together. Leaving out one block of answers after the other tells how sure it is (jackknife)."""
    whole = total(blocks)
    shares = lmg(correlation_matrix(whole))
    without = [whole - block for block in blocks if block.n]
    if len(without) < 2 or any(rest.n < len(shares) + 2 or rest.constant() for rest in without):
        return [Importance(value, None) for value in shares]
    replicates = [lmg(correlation_matrix(rest)) for rest in without]
    return [
        Importance(value, _jackknife(value, [replicate[i] for replicate in replicates], level))
        for i, value in enumerate(shares)
    ]


def _jackknife(value: float, replicates: Sequence[float], level: float) -> Interval:
    blocks = len(replicates)
    middle = sum(replicates) / blocks
    error = sqrt((blocks - 1) / blocks * sum((each - middle) ** 2 for each in replicates))
    half = t_quantile(level, blocks - 1) * error
    return Interval(max(0.0, value - half), min(1.0, value + half), level, "jackknife")


def total(blocks: Sequence[Sums]) -> Sums:
    whole = blocks[0]
    for block in blocks[1:]:
        whole = whole + block
    return whole


def quadrant(importance: float, performance: float, *, at: tuple[float, float]) -> Quadrant:
    """`at`: where the cross-hairs stand, importance and performance; what lies on one is high."""
    important = importance >= at[0] or isclose(importance, at[0], rel_tol=1e-9)
    performed = performance >= at[1] or isclose(performance, at[1], rel_tol=1e-9)
    if important:
        return Quadrant.keep_up if performed else Quadrant.concentrate_here
    return Quadrant.possible_overkill if performed else Quadrant.low_priority
