"""The t and the normal distribution against tables."""

import pytest

from app.feedback.student import normal_p, normal_quantile, t_p, t_quantile


@pytest.mark.parametrize(
    ("level", "freedom", "quantile"),
    [
        (0.95, 1, 12.7062047362),
        (0.99, 1, 63.6567411629),  # tan(0.495 pi)
        (0.95, 2, 4.3026527297),
        (0.95, 4, 2.7764451052),
        (0.90, 10, 1.8124611228),
        (0.999, 30, 3.6459586350),
        (0.95, 249, 1.9695368676),
        (0.95, 1_000_000, 1.9599663569),
    ],
)
def test_quantiles_are_those_of_the_tables(level: float, freedom: int, quantile: float) -> None:
    assert t_quantile(level, freedom) == pytest.approx(quantile, abs=1e-8)
    assert t_p(quantile, freedom) == pytest.approx(1 - level, abs=1e-9)


def test_with_two_degrees_of_freedom_p_has_a_closed_form() -> None:
    for t in (0.001, 0.1, 1.0, 2.5, 40.0, 1e6):
        assert t_p(t, 2) == pytest.approx(1 - t / (2 + t * t) ** 0.5, abs=1e-12)
        assert t_p(-t, 2) == t_p(t, 2)


def test_quantiles_run_on_smoothly_where_the_series_takes_over() -> None:
    below, at, above = (t_quantile(0.95, freedom) for freedom in (199, 200, 201))
    assert below - at == pytest.approx(at - above, rel=0.02)
    assert t_p(at, 200) == pytest.approx(0.05, abs=1e-10)


def test_nothing_is_certain_and_zero_tells_nothing() -> None:
    assert t_p(0, 5) == 1
    assert normal_p(0) == 1
    assert normal_p(1.959963984540054) == pytest.approx(0.05, abs=1e-12)
    assert normal_quantile(0.95) == pytest.approx(1.959963984540054, abs=1e-12)
    assert t_quantile(0.5, 0.7) > t_quantile(0.5, 7) > t_quantile(0.5, 700)
