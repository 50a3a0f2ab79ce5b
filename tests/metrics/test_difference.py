"""Differences of quantiles: their intervals hold the truth as often as they say."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np
import pytest
from numpy.typing import NDArray

from tokenswarm.metrics.difference import Estimate, comparable, difference, samples_needed
from tokenswarm.metrics.histogram import Histogram

RUNS = 200
NORMAL = {0.5: 0.0, 0.95: 1.6448536, 0.99: 2.3263479}  # quantiles of the standard normal distribution
# A correct 95 % interval holds the truth in fewer than 180 of 200 runs once in 500, and one that is ten times
# too wide would hold it in all. Ours are a little wider than 95 % asks for: ranks and buckets are whole.
FEWEST, MOST = 180, 199


def histogram(values: Iterable[float]) -> Histogram:
    """All of them in one."""
    folded = Histogram()
    folded.fold(list(values))
    return folded


def times(rng: np.random.Generator, count: int, median_s: float) -> NDArray[np.float64]:
    """Lognormal, with a spread like a provider's first tokens."""
    return median_s * np.exp(0.4 * rng.standard_normal(count))


def between(
    gateway: Mapping[str, NDArray[np.float64]], provider: Mapping[str, NDArray[np.float64]], q: float
) -> Estimate:
    """The difference of these samples by kind."""
    samples = comparable(
        {kind: histogram(values) for kind, values in gateway.items()},
        {kind: histogram(values) for kind, values in provider.items()},
    )
    assert samples is not None
    return difference(*samples, q)


@pytest.mark.parametrize(("q", "calls", "direct"), [(0.5, 300, 60), (0.95, 600, 200), (0.99, 900, 500)])
def test_interval_holds_the_true_difference_in_95_of_100_runs(q: float, calls: int, direct: int) -> None:
    """A gateway that takes 25 ms and makes its provider 20 % slower, in two arms of different size."""
    rng = np.random.default_rng(5)
    truth = 0.025 + (0.12 - 0.1) * math.exp(0.4 * NORMAL[q])
    held = 0
    for _ in range(RUNS):
        found = between({"a": times(rng, calls, 0.12) + 0.025}, {"a": times(rng, direct, 0.1)}, q)
        assert found.low < found.value < found.high
        held += found.low <= truth <= found.high
    assert FEWEST <= held <= MOST


def test_interval_narrows_with_the_root_of_the_calls() -> None:
    """Sixteen times the calls: about a quarter of the width, but for the buckets' own."""
    rng = np.random.default_rng(5)
    widths = []
    for calls in (500, 8000):
        found = between({"a": times(rng, calls, 0.12)}, {"a": times(rng, calls, 0.1)}, 0.5)
        widths.append(found.high - found.low)
    assert 0.2 < widths[1] / widths[0] < 0.45


def test_a_cache_that_took_the_short_calls_does_not_look_like_overhead() -> None:
    """Of 1,000 short calls 900 were hits and are out: unweighted, the gateway would seem 100 ms slower."""
    rng = np.random.default_rng(5)
    short, long = 0.1, 0.4
    held = 0
    for _ in range(RUNS):
        gateway = {"short": times(rng, 100, short) + 0.02, "long": times(rng, 1000, long) + 0.02}
        provider = {"short": times(rng, 150, short), "long": times(rng, 150, long)}
        found = between(gateway, provider, 0.5)
        held += found.low <= 0.02 <= found.high
    assert held >= FEWEST
    assert found.high - found.low < 0.2


def test_kinds_that_one_arm_lacks_are_compared_with_nothing() -> None:
    """All that is left is what both have; with nothing left there is no difference."""
    slow = np.full(100, 5.0)
    found = between({"a": np.full(100, 0.03), "b": slow}, {"a": np.full(100, 0.01), "c": slow}, 0.5)
    assert found.value == pytest.approx(0.02, abs=1e-4)
    assert comparable({"a": histogram([1.0])}, {"b": histogram([1.0])}) is None


@pytest.mark.parametrize(("q", "needed"), [(0.5, 6), (0.95, 72), (0.99, 368), (0.05, 72)])
def test_fewer_values_than_needed_would_not_hold_a_quantile(q: float, needed: int) -> None:
    """The extremes of a sample hold its quantile with 95 % only from so many values on."""

    def chance(n: int) -> float:
        return max(q**n, (1 - q) ** n)

    assert samples_needed(q) == needed
    assert chance(needed) <= 0.025 < chance(needed - 1)
