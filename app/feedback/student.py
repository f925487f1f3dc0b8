"""Student's t distribution and the normal one, to ten digits.

By the regularised incomplete beta function, whose continued fraction (NIST Digital Library of Mathematical Functions,
8.17.22) is evaluated by Lentz's method: the only two functions of a statistics library that are needed here.
"""

from functools import lru_cache
from math import exp, lgamma, log, log1p, pi
from statistics import NormalDist

_NORMAL = NormalDist()
_TINY = 1e-300
_PRECISION = 1e-14
_MANY = 200
"""Degrees of freedom from which the t distribution is a normal one with small corrections."""
_STEPS = 20_000
"""Some square root of the degrees of freedom are needed."""


@lru_cache
def normal_quantile(level: float) -> float:
    """How many standard errors to either side hold `level` of the normal distribution: 1.96 for 0.95."""
    return _NORMAL.inv_cdf((1 + level) / 2)


def normal_p(z: float) -> float:
    """The chance of a value at least as far from 0, on either side."""
    return 2 * _NORMAL.cdf(-abs(z))


def t_p(t: float, freedom: float) -> float:
    """The chance of a t at least as far from 0, on either side, with so many degrees of freedom."""
    return _incomplete_beta(freedom / (freedom + t * t), freedom / 2, 0.5)


@lru_cache(maxsize=4096)
def t_quantile(level: float, freedom: float) -> float:
    """How many standard errors to either side hold `level`: 2.776 for 0.95 and 4 degrees of freedom."""
    if freedom >= _MANY:
        return _nearly_normal(normal_quantile(level), freedom)
    low, high = 0.0, normal_quantile(level)
    while t_p(high, freedom) > 1 - level:
        low, high = high, high * 2
    t = high
    while high - low > 1e-12 * high:
        error = t_p(t, freedom) - (1 - level)
        if abs(error) < 1e-12 * (1 - level):
            break
        low, high = (t, high) if error > 0 else (low, t)
        newton = t + error / (2 * _density(t, freedom))
        t = newton if low < newton < high else (low + high) / 2
    return t


def _nearly_normal(z: float, freedom: float) -> float:
    """The first terms of a series in 1 / freedom (Abramowitz & Stegun, 26.7.5): the next is below 1e-9 here."""
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return sum(term / freedom**power for power, term in enumerate(terms))


def _density(t: float, freedom: float) -> float:
    scale = lgamma((freedom + 1) / 2) - lgamma(freedom / 2) - log(freedom * pi) / 2
    return exp(scale - (freedom + 1) / 2 * log1p(t * t / freedom))


def _incomplete_beta(x: float, a: float, b: float) -> float:
    if x <= 0 or x >= 1:
        return float(x >= 1)
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x))
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(x, a, b) / a
    return 1 - front * _fraction(1 - x, b, a) / b


def _fraction(x: float, a: float, b: float) -> float:
    """The continued fraction; quick where x < (a + 1) / (a + b + 2)."""
    upper, lower = 1.0, 1 / _not_zero(1 - (a + b) * x / (a + 1))
    value = lower
    for step in range(1, _STEPS):
        even = step * (b - step) * x / ((a + 2 * step - 1) * (a + 2 * step))
        odd = -(a + step) * (a + b + step) * x / ((a + 2 * step) * (a + 2 * step + 1))
        for coefficient in (even, odd):
            lower = 1 / _not_zero(1 + coefficient * lower)
            upper = _not_zero(1 + coefficient / upper)
            value *= upper * lower
        if abs(upper * lower - 1) < _PRECISION:
            break
    return value


def _not_zero(number: float) -> float:
    return number if abs(number) > _TINY else _TINY
