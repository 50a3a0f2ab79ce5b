"""Distributions: their grammar, and that draws follow it."""

from __future__ import annotations

from random import Random
from statistics import fmean, median, quantiles, stdev

import pytest

from tokenswarm.mock.distribution import LIMIT, parse_distribution


def draws(text: str, number: int = 20_000) -> list[float]:
    distribution = parse_distribution(text)
    rng = Random(7)
    return [distribution.draw(rng) for _ in range(number)]


def test_a_number_is_always_itself() -> None:
    """A fixed distribution has no spread."""
    assert set(draws("12.5", 100)) == {12.5}


def test_lognormal_has_the_given_median_and_a_right_tail() -> None:
    """Half of the draws are below MEDIAN, and the mean is above it."""
    values = draws("lognormal:50:0.5")
    assert median(values) == pytest.approx(50, rel=0.03)
    assert fmean(values) > 53


def test_lognormal_mean_has_the_given_mean_and_deviation() -> None:
    """MEAN and SD are those of the values, not of their logarithm."""
    values = draws("lognormal-mean:80:40")
    assert fmean(values) == pytest.approx(80, rel=0.03)
    assert stdev(values) == pytest.approx(40, rel=0.08)


def test_percentiles_are_met_and_the_last_is_never_exceeded() -> None:
    """The given points are the draws' own percentiles."""
    values = draws("p50:100:p90:200:p99:900")
    cuts = quantiles(values, n=100)
    assert cuts[49] == pytest.approx(100, rel=0.03)
    assert cuts[89] == pytest.approx(200, rel=0.05)
    assert max(values) == 900


def test_percentiles_start_at_a_given_p0() -> None:
    """p0 is the least value; without it values start from 0."""
    assert min(draws("p0:40:p50:50:p100:60")) >= 40
    assert min(draws("p50:50:p100:60")) < 5


def test_no_draw_is_beyond_the_limit() -> None:
    """A wild spread still gives a time that ends."""
    assert max(draws(f"lognormal:{LIMIT}:5", 200)) == LIMIT


@pytest.mark.parametrize(
    "text",
    [
        "",
        "fast",
        "-1",
        "nan",
        "inf",
        "1e99",
        "lognormal",
        "lognormal:50",
        "lognormal:50:0.5:1",
        "lognormal:0:1",  # a median of 0 has no logarithm
        "lognormal:50:6",
        "lognormal-mean:0:1",
        "lognormal-mean:1e-300:3",
        "normal:50:3",
        "p50:10:p90",
        "p90:10:p50:20",  # falling percentiles
        "p50:20:p90:10",  # falling values
        "p50:10:p101:20",
        "p50:10:q90:20",
    ],
)
def test_what_is_no_distribution_is_refused(text: str) -> None:
    """Nothing is guessed: a text outside the grammar is a ValueError."""
    with pytest.raises(ValueError):  # noqa: PT011 — orders.py words the message, with the order's name
        parse_distribution(text)
