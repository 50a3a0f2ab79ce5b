"""The histogram: its error bound, and that merging is addition."""

from __future__ import annotations

import base64
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenswarm.metrics.histogram import HIGHEST, LOWEST, RELATIVE_ERROR, Histogram
from tokenswarm.metrics.sheet import deflated, inflated, pack, repack, unpack

SECONDS = st.floats(LOWEST, HIGHEST, allow_nan=False)
SAMPLES = st.lists(SECONDS, min_size=1, max_size=80)


def histogram_of(values: list[float]) -> Histogram:
    histogram = Histogram()
    histogram.fold(values)
    return histogram


def counts_of(histogram: Histogram) -> dict[int, int]:
    return dict(zip(*(column.tolist() for column in histogram.buckets()), strict=True))


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
        assert counts_of(left) == counts_of(other)
        assert (left.count, left.low, left.high) == (other.count, other.low, other.high)
        assert left.total == pytest.approx(other.total, rel=1e-12)


@settings(max_examples=30)
@given(st.lists(SECONDS, min_size=40, max_size=200))
def test_large_and_small_folds_choose_the_same_buckets(values: list[float]) -> None:
    """Values folded by numpy all at once and by the loop in small pieces land in the same buckets."""
    pieces = Histogram()
    for start in range(0, len(values), 10):
        pieces.fold(values[start : start + 10])
    assert counts_of(pieces) == counts_of(histogram_of(values))


def test_buckets_are_sparse() -> None:
    """A million equal values take one bucket."""
    assert len(counts_of(histogram_of(np.full(1_000_000, 0.25).tolist()))) == 1


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


@given(st.lists(SAMPLES, min_size=1, max_size=6), st.booleans())
def test_histograms_on_a_sheet_are_read_and_added_like_others(
    groups: list[list[float]], is_kept: bool
) -> None:
    """Packed and read again a histogram has the same figures, and sums with it are the same."""
    own = [histogram_of(group) for group in groups]
    lying = unpack(pack(own), len(own), is_kept=is_kept)
    for one, again in zip(own, lying, strict=True):
        assert again.is_lying
        assert counts_of(again) == counts_of(one)
        assert (again.count, again.total, again.low, again.high) == (one.count, one.total, one.low, one.high)
        assert [again.quantile(q) for q in (0.5, 0.99)] == [one.quantile(q) for q in (0.5, 0.99)]
        assert again.above(0.1) == one.above(0.1)
    forth, back = Histogram.merged(lying), Histogram.merged([*own[::-1], Histogram()])
    assert counts_of(forth) == counts_of(back)
    assert (forth.count, forth.low, forth.high) == (back.count, back.low, back.high)


def test_a_sheet_is_never_written_to() -> None:
    """What shares a sheet with a histogram that is added to stays what it was."""
    (lying,) = unpack(pack([histogram_of([0.1, 0.2])]), 1)
    copy = Histogram.merged([lying])
    copy.fold([0.1])
    copy.merge(lying)
    assert (copy.count, lying.count) == (5, 2)
    assert counts_of(lying) == counts_of(histogram_of([0.1, 0.2]))


def test_laying_histograms_on_a_sheet_changes_no_figure() -> None:
    """Empty ones are left alone."""
    spread, empty = histogram_of([0.001, 3.0] * 20), Histogram()
    before = counts_of(spread)
    repack([spread, empty])
    assert spread.is_lying
    assert counts_of(spread) == before
    assert empty.quantile(0.5) is None


def test_deflated_bytes_read_back() -> None:
    """A line of JSON holds them as text."""
    data = pack([histogram_of([0.1] * 100)])
    assert inflated(deflated(data), len(data)) == data


GOOD = pack([histogram_of([0.1, 0.2, 0.3])])
HEAD = 2 + 28  # bytes before the gaps of a single histogram


@pytest.mark.parametrize(
    "data",
    [
        b"",
        GOOD[:-1],
        GOOD + b"\0",
        b"\3" + GOOD[1:],
        GOOD[:2] + np.array([np.nan]).tobytes() + GOOD[10:],
        GOOD[:10] + GOOD[18:26] + GOOD[10:18] + GOOD[26:],
        GOOD[:26] + b"\xff\xff" + GOOD[28:],
        GOOD[:28] + b"\xff\xff" + GOOD[30:],
        GOOD[:28] + b"\0\0" + GOOD[30:],
        GOOD[:HEAD] + b"\1" + GOOD[HEAD + 1 :],
        GOOD[: HEAD + 1] + b"\0" + GOOD[HEAD + 2 :],
        GOOD[:-1] + b"\0",
    ],
    ids=[
        "nothing",
        "cut off",
        "more behind it",
        "unknown size",
        "NaN",
        "minimum above maximum",
        "bucket beyond the last",
        "more buckets than bytes",
        "no bucket",
        "first gap",
        "bucket twice",
        "empty bucket",
    ],
)
def test_bytes_that_are_no_histogram_are_refused(data: bytes) -> None:
    """A report of another version, or of an attacker, raises ValueError and nothing else."""
    assert len(unpack(GOOD, 1)) == 1
    with pytest.raises(ValueError, match="not packed histograms"):
        unpack(data, 1)


@pytest.mark.parametrize(
    "text", ["!", base64.b64encode(b"x").decode(), deflated(b"0" * 1001), deflated(b"0" * 100)[:-8]]
)
def test_text_that_is_not_deflated_or_grows_too_large_is_refused(text: str) -> None:
    """A line of a few bytes must not fill the memory."""
    with pytest.raises(ValueError):  # noqa: PT011 - base64 words its own
        inflated(text, 1000)


@given(st.lists(st.tuples(st.floats(0, 5000), st.integers(1, 50)), min_size=1, max_size=40))
def test_folding_repeated_values_is_folding_each(pairs: list[tuple[float, int]]) -> None:
    """What comes as a value and a count is the same as so many values."""
    at_once, one_by_one = Histogram(), Histogram()
    at_once.fold_repeated([value for value, _ in pairs], [times for _, times in pairs])
    one_by_one.fold([value for value, times in pairs for _ in range(times)])
    assert at_once.count == one_by_one.count
    assert at_once.total == pytest.approx(one_by_one.total)
    assert (at_once.low, at_once.high) == (one_by_one.low, one_by_one.high)
    assert [list(part) for part in at_once.buckets()] == [list(part) for part in one_by_one.buckets()]
