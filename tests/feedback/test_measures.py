"""Figures worked by hand, and published ones."""

from collections import Counter

import pytest

from app.feedback import measures
from app.feedback.measures import Interval
from app.feedback.student import t_p, t_quantile
from tests.feedback.published import EXPECTED_AND_PERCEIVED, SATISFIED, WOULD_RECOMMEND

SIMULATED = {10.0: 200, 9.0: 262, 8.0: 100, 7.0: 76, 6.0: 162, 0.0: 200}
NORTH_AMERICA = {9.0: 240, 7.0: 83, 3.0: 184}
EUROPE = {10.0: 110, 8.0: 50, 6.0: 99}


def ends(interval: Interval | None) -> tuple[float, float]:
    assert interval is not None
    return interval.low, interval.high


@pytest.mark.parametrize(
    ("counts", "nps", "error", "wald", "adjusted"),
    [
        (SIMULATED, 10.0, 2.853069, (4.4081, 15.5919), (4.3897, 15.5505)),
        (NORTH_AMERICA, 11.045365, 4.031659, (3.1435, 18.9473), (3.1105, 18.8502)),
        (EUROPE, 4.247104, 5.575547, (-6.6808, 15.1750), (-6.6432, 15.0401)),
        (WOULD_RECOMMEND, 14.0, 4.9006, (4.395, 23.605), (4.2937, 23.3743)),
        (Counter([10.0, 9.0, 8.0, 7.0, 6.0, 0.0]), 0.0, 33.3333, (-65.3321, 65.3321), (-51.0725, 51.0725)),
        ({9.0: 3}, 100.0, 0.0, (100.0, 100.0), (-6.5793, 106.5793)),
    ],
)
def test_nps_and_both_its_intervals(
    counts: dict[float, int],
    nps: float,
    error: float,
    wald: tuple[float, float],
    adjusted: tuple[float, float],
) -> None:
    estimate = measures.net_promoter_score(counts)
    assert estimate is not None
    assert estimate.value == pytest.approx(nps, abs=1e-6)
    assert estimate.standard_error == pytest.approx(error, abs=1e-3)
    assert ends(estimate.interval) == pytest.approx(wald, abs=1e-3)
    assert ends(measures.adjusted_net_promoter_interval(counts)) == pytest.approx(adjusted, abs=1e-3)


def test_the_difference_of_two_nps_and_what_chance_would_make_of_it() -> None:
    one, other = measures.net_promoter_score(NORTH_AMERICA), measures.net_promoter_score(EUROPE)
    assert one is not None
    assert other is not None
    difference = measures.difference(one, other)
    assert difference is not None
    assert difference.value == pytest.approx(6.798261, abs=1e-5)
    assert difference.standard_error == pytest.approx((4.031659**2 + 5.575547**2) ** 0.5, abs=1e-5)
    assert difference.p == pytest.approx(0.323128, abs=1e-5)


def test_promoters_begin_at_9_and_detractors_end_at_6() -> None:
    groups = measures.loyalty({float(value): 1 for value in range(11)})
    assert groups == {"promoters": 2, "passives": 2, "detractors": 7}


def test_csat_is_the_share_of_the_two_top_boxes_with_wilsons_interval() -> None:
    top = measures.top_box((1, 10))
    satisfied = sum(count for value, count in SATISFIED.items() if value >= top)
    estimate = measures.share(satisfied, measures.size(SATISFIED))
    assert estimate is not None
    assert estimate.n == 250
    assert estimate.value == pytest.approx(0.268)
    assert ends(estimate.interval) == pytest.approx((0.216911, 0.326111), abs=1e-6)


def test_a_whole_nps_is_a_whole_number() -> None:
    estimate = measures.net_promoter_score({10: 95, 8: 95, 3: 60})
    assert estimate is not None
    assert estimate.value == 14


@pytest.mark.parametrize(
    ("scale", "top", "easy"),
    [
        ((1, 5), 4, 4),
        ((1, 7), 6, 5),
        ((1, 10), 9, 7),
        ((0, 10), 9, 7),
        ((1, 4), 3, 3),
        ((0, 100), 75, 67),
        ((1, 2), 2, 2),
    ],
)
def test_the_boxes_of_other_scales(scale: tuple[float, float], top: int, easy: int) -> None:
    whole = [value for value in range(int(scale[0]), int(scale[1]) + 1) if value >= measures.top_box(scale)]
    assert whole[0] == top
    assert next(value for value in range(101) if value >= measures.easy_box(scale) - 1e-9) == easy


@pytest.mark.parametrize(
    ("k", "n", "low", "high"), [(0, 5, 0.0, 0.434482), (5, 5, 0.565518, 1.0), (1, 1, 0.206549, 1.0)]
)
def test_wilsons_interval_stays_between_0_and_1(k: int, n: int, low: float, high: float) -> None:
    assert ends(measures.wilson(k, n)) == pytest.approx((low, high), abs=1e-6)


def test_a_mean_with_students_interval_worked_by_hand() -> None:
    """1, 2, 3, 4, 5: mean 3, variance 2.5, standard error √0.5, t(4) = 2.776445."""
    estimate = measures.mean({float(value): 1 for value in range(1, 6)})
    assert estimate is not None
    assert (estimate.value, estimate.freedom) == (3, 4)
    assert ends(estimate.interval) == pytest.approx((3 - 2.776445 * 0.5**0.5, 3 + 2.776445 * 0.5**0.5), abs=1e-5)


def test_two_means_are_compared_by_welchs_test() -> None:
    """1 to 5 against 2, 4, 6: error² = 0.5 + 4/3, freedom = error⁴ / (0.25/4 + (16/9)/2) = 3.5330."""
    one, other = measures.mean(dict.fromkeys((1.0, 2.0, 3.0, 4.0, 5.0), 1)), measures.mean({2.0: 1, 4.0: 1, 6.0: 1})
    assert one is not None
    assert other is not None
    difference = measures.difference(one, other)
    assert difference is not None
    assert difference.statistic == pytest.approx(-1 / (11 / 6) ** 0.5)
    freedom = (11 / 6) ** 2 / (0.25 / 4 + 16 / 9 / 2)
    half = t_quantile(0.95, freedom) * (11 / 6) ** 0.5
    assert ends(difference.interval) == pytest.approx((-1 - half, -1 + half))
    assert difference.p == pytest.approx(t_p(-1 / (11 / 6) ** 0.5, freedom))


def test_the_gap_of_published_answers() -> None:
    n = sum(EXPECTED_AND_PERCEIVED.values())
    total = sum((perceived - expected) * count for (expected, perceived), count in EXPECTED_AND_PERCEIVED.items())
    squares = sum(
        (perceived - expected) ** 2 * count for (expected, perceived), count in EXPECTED_AND_PERCEIVED.items()
    )
    gap = measures.paired_difference(n, total, squares)
    assert gap is not None
    assert gap.value == pytest.approx(0.364, abs=1e-9)
    assert gap.statistic == pytest.approx(3.3165, abs=1e-4)
    assert gap.p == pytest.approx(0.001048, abs=1e-6)


def test_without_answers_there_is_no_figure() -> None:
    assert measures.net_promoter_score({}) is None
    assert measures.adjusted_net_promoter_interval({}) is None
    assert measures.share(0, 0) is None
    assert measures.wilson(0, 0) is None
    assert measures.mean({}) is None
    assert measures.paired_difference(0, 0, 0) is None


def test_one_answer_has_a_mean_and_nothing_to_say_how_sure_it_is() -> None:
    one = measures.mean({4.0: 1})
    assert one is not None
    assert (one.value, one.standard_error, one.interval) == (4, None, None)
    assert measures.difference(one, one) is None
    assert measures.paired_difference(1, 2, 4) is None


def test_where_all_differ_by_the_same_no_test_is_made() -> None:
    gap = measures.paired_difference(10, -10, 10)
    assert gap is not None
    assert (gap.value, gap.statistic, gap.p) == (-1, None, None)


def test_weights_of_any_size_make_the_same_mean() -> None:
    gaps = [-1.0, 0.5]
    assert measures.weighted_mean(gaps, [30, 10]) == measures.weighted_mean(gaps, [3, 1]) == pytest.approx(-0.625)
    assert measures.weighted_mean(gaps, [3, None]) is None
    assert measures.weighted_mean(gaps, [0, 0]) is None
    assert measures.weighted_mean([], []) is None


def test_the_tellers_are_counted_only_when_asked() -> None:
    assert measures.reach(362, 10, count_tellers=False) == 3620
    assert measures.reach(3, 20, count_tellers=True) == 63
