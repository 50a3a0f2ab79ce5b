"""The histogram: its error bound, and that merging is addition."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenswarm.metrics.histogram import HIGHEST, LOWEST, RELATIVE_ERROR, Histogram

SECONDS = st.floats(LOWEST, HIGHEST, allow_nan=False)
SAMPLES = st.lists(SECONDS, min_size=1, max_size=80)


def histogram_of(values: list[float]) -> Histogram:
    histogram = Histogram()
    histogram.fold(values)
    return histogram


def nearest_rank(values: list[float], q: float) -> float:
    return sorted(values)[max(1, math.ceil(q * len(values) - 1e-9)) - 1]


@given(SAMPLES, st.floats(0.001, 1))
def test_every_quantile_is_within_the_error_bound(values: list[float], q: float) -> None:
    """From 1 µs to 1 h a quantile is within 0.5 % of the nearest-rank value."""
    truth = nearest_rank(values, q)
    found = histogram_of(values).quantile(q)
    assert found is not None
    assert abs(found - truth) <= truth * RELATIVE_ERROR * (1 + 1e-9)


@given(SAMPLES, SAMPLES, SAMPLES)
def test_merging_is_associative_and_commutative(a: list[float], b: list[float], c: list[float]) -> None:
    """However deltas of several workers are added up, the same histogram comes out."""
    left = Histogram.merged([Histogram.merged([histogram_of(a), histogram_of(b)]), histogram_of(c)])
    right = Histogram.merged([histogram_of(c), Histogram.merged([histogram_of(b), histogram_of(a)])])
    whole = histogram_of(a + b + c)
    for other in (right, whole):
        assert left.counts == other.counts
        assert (left.count, left.low, left.high) == (other.count, other.low, other.high)
        assert left.total == pytest.approx(other.total, rel=1e-12)


@settings(max_examples=30)
@given(st.lists(SECONDS, min_size=40, max_size=200))
def test_large_and_small_folds_choose_the_same_buckets(values: list[float]) -> None:
    """Values folded by numpy all at once and by the loop in small pieces land in the same buckets."""
    pieces = Histogram()
    for start in range(0, len(values), 10):
        pieces.fold(values[start : start + 10])
    assert pieces.counts == histogram_of(values).counts


def test_buckets_are_sparse() -> None:
    """A million equal values take one bucket."""
    assert len(histogram_of(np.full(1_000_000, 0.25).tolist()).counts) == 1


def test_extremes_and_mean_are_exact() -> None:
    """Minimum, maximum and mean carry no bucket error, even beyond the range of the buckets."""
    histogram = histogram_of([0.0, 2e-7, 5000.0])
    assert (histogram.low, histogram.high) == (0.0, 5000.0)
    assert histogram.quantile(1) == 5000.0
    assert histogram.mean == pytest.approx(5000.0000002 / 3)


def test_an_empty_histogram_has_no_quantile() -> None:
    """No value is not zero."""
    assert Histogram().quantile(0.5) is None
    assert Histogram().mean is None


def test_nan_is_refused() -> None:
    """A NaN would poison every figure after it."""
    with pytest.raises(ValueError, match="NaN"):
        Histogram().fold([0.1, math.nan])


@pytest.mark.parametrize("q", [-0.01, 1.01])
def test_a_quantile_outside_0_to_1_is_refused(q: float) -> None:
    """p(101) is a mistake, not the maximum."""
    with pytest.raises(ValueError, match="between 0 and 1"):
        histogram_of([1.0]).quantile(q)


@given(SAMPLES)
def test_the_wire_form_survives_json(values: list[float]) -> None:
    """What is written to a run folder reads back the same."""
    histogram = histogram_of(values)
    again = Histogram.from_wire(json.loads(json.dumps(histogram.to_wire())))
    assert again.to_wire() == histogram.to_wire()
