"""Relative importance: the published example, and what holds of any data."""

import random
from itertools import permutations

import pytest

from app.feedback import drivers
from app.feedback.drivers import Quadrant, Sums
from tests.feedback.published import SWISS, SWISS_LMG, SWISS_R_SQUARED

Rows = list[list[float]]


def sums(rows: Rows) -> Sums:
    size = range(len(rows[0]))
    products = [[sum(row[i] * row[j] for row in rows) for j in size if j >= i] for i in size]
    return Sums(len(rows), [sum(row[i] for row in rows) for i in size], products)


def some_rows(n: int, attributes: int, seed: int = 1) -> Rows:
    """Attributes with something in common, and an overall score of their sum and chance."""
    chance = random.Random(seed)
    rows = []
    for _ in range(n):
        mood = chance.gauss(0, 1)
        row = [mood + chance.gauss(0, 1 + i / 3) for i in range(attributes)]
        rows.append([*row, sum(row) + chance.gauss(0, 2)])
    return rows


def r_squared(matrix: drivers.Triangle, attributes: tuple[int, ...]) -> float:
    """Solved another way: the attributes' equations by Gauss and Jordan."""
    full = [[row[j - i] if j >= i else matrix[j][i - j] for j in range(len(matrix))] for i, row in enumerate(matrix)]
    table = [[*(full[i][j] for j in attributes), full[i][-1]] for i in attributes]
    for i, row in enumerate(table):
        for other in table:
            if other is not row:
                factor = other[i] / row[i]
                other[:] = [value - factor * of_row for value, of_row in zip(other, row, strict=True)]
    return sum(row[-1] / row[i] * full[attributes[i]][-1] for i, row in enumerate(table))


def test_lmg_of_the_published_example() -> None:
    shares = drivers.lmg(drivers.correlation_matrix(sums(SWISS)))
    assert shares == pytest.approx(SWISS_LMG, abs=1e-6)
    assert sum(shares) == pytest.approx(SWISS_R_SQUARED, abs=1e-6)


def test_lmg_is_what_an_attribute_adds_averaged_over_all_orders() -> None:
    matrix = drivers.correlation_matrix(sums(some_rows(200, 4)))
    added = [0.0] * 4
    orders = list(permutations(range(4)))
    for order in orders:
        for place, attribute in enumerate(order):
            before = r_squared(matrix, order[:place]) if place else 0.0
            added[attribute] += (r_squared(matrix, order[: place + 1]) - before) / len(orders)
    assert drivers.lmg(matrix) == pytest.approx(added, abs=1e-9)


def test_one_attribute_explains_the_square_of_its_correlation() -> None:
    matrix = drivers.correlation_matrix(sums(some_rows(50, 1)))
    assert drivers.lmg(matrix) == pytest.approx([matrix[0][1] ** 2])


def test_an_attribute_told_twice_shares_with_its_double() -> None:
    rows = [[row[0], row[0], row[1], row[2]] for row in some_rows(100, 2)]
    one, double, other = drivers.lmg(drivers.correlation_matrix(sums(rows)))
    assert one == pytest.approx(double, abs=1e-9)
    alone = drivers.lmg(drivers.correlation_matrix(sums([[row[0], *row[2:]] for row in rows])))
    assert one + double + other == pytest.approx(sum(alone), abs=1e-9)


def test_the_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    """Fifty samples of one world, whose true shares a very large one tells."""
    truth = drivers.lmg(drivers.correlation_matrix(sums(some_rows(40_000, 3, seed=99))))
    held = tried = 0
    for seed in range(50):
        rows = some_rows(300, 3, seed)
        for share, importance in zip(
            truth, drivers.lmg_importance([sums(rows[i::20]) for i in range(20)], 0.95), strict=True
        ):
            assert importance.interval is not None
            held += importance.interval.low <= share <= importance.interval.high
            tried += 1
    assert 0.88 <= held / tried <= 1


def test_correlations_have_fishers_interval() -> None:
    """r = 0.5 of 103 answers: the tanh of 0.549306 ± 0.195996."""
    interval = drivers._fisher(0.5, 103, 0.95)
    assert interval is not None
    assert (interval.low, interval.high) == pytest.approx((0.339308, 0.632338), abs=1e-6)


def test_a_variable_that_never_differs_is_named() -> None:
    rows = [[4.0, row[0], row[1]] for row in some_rows(30, 1)]
    assert sums(rows).constant() == [0]
    assert sums([[1e6 + 0.1, *row] for row in rows]).constant() == [0, 1]
    assert sums(SWISS).constant() == []


def test_blocks_add_up_and_can_be_taken_away() -> None:
    blocks = [sums(SWISS[:20]), sums(SWISS[20:])]
    assert drivers.total(blocks).totals == pytest.approx(sums(SWISS).totals)
    assert (drivers.total(blocks) - blocks[0]).products[0] == pytest.approx(blocks[1].products[0])


@pytest.mark.parametrize(
    ("importance", "performance", "quadrant"),
    [
        (0.3, 3.0, Quadrant.concentrate_here),
        (0.3, 4.5, Quadrant.keep_up),
        (0.1, 3.0, Quadrant.low_priority),
        (0.1, 4.5, Quadrant.possible_overkill),
        (0.2, 4.0, Quadrant.keep_up),
        (0.2, 3.9, Quadrant.concentrate_here),
        (0.1, 4.0, Quadrant.possible_overkill),
        (0.1 + 0.1, 1.3333333333333333 * 3, Quadrant.keep_up),
    ],
)
def test_what_lies_on_a_crosshair_is_high(importance: float, performance: float, quadrant: Quadrant) -> None:
    assert drivers.quadrant(importance, performance, at=(0.2, 4.0)) is quadrant
