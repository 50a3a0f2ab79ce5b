"""A logarithmic histogram: fold arrays in, merge by addition, read quantiles.

Bucket i holds (γ^(i−1), γ^i] × 1 µs with γ = (1+α)/(1−α); the value reported for it, 2γ^i/(γ+1),
is within α of everything inside (the DDSketch construction, Masson et al., VLDB 2019). Values are
seconds for times and plain numbers for amounts; anything at or below 1 µs shares bucket 0.

A histogram that is added to is a window of counts, from its lowest bucket to its highest: at most 18 kB,
whatever comes. One that only lies there is a part of a sheet, which holds many side by side and nothing
of their empty buckets: a few hundred bytes each.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

RELATIVE_ERROR: Final = 0.005
LOWEST: Final = 1e-6
HIGHEST: Final = 3600.0

_GAMMA: Final = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
_PER_LOG: Final = 1 / math.log(_GAMMA)
LAST_BUCKET: Final = math.ceil(math.log(HIGHEST / LOWEST) * _PER_LOG)
# Below this many values a loop beats the fixed cost of a dozen numpy calls.
_WORTH_NUMPY: Final = 24
_WORTH_JOINING: Final = 4  # from so many on, adding them in one go is quicker
_ROOM: Final = 16  # buckets that a window which has to grow gets beyond what it needs now

Integers: TypeAlias = NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True)
class Sheet:
    """Filled buckets of many histograms, one after the other: their numbers and their counts.

    Never written to, so that histograms can share it. Small integers where they are kept, int64 where
    they are soon to be added up, which is quicker.
    """

    buckets: Integers
    counts: Integers
    is_small: bool


class Place(NamedTuple):
    """Where on a sheet a histogram is, from `start` up to `stop`, and its outermost buckets."""

    # A NamedTuple: one is made for each histogram of each report, and C makes it.
    sheet: Sheet
    start: int
    stop: int
    first: int
    last: int


class Histogram:
    """Counts by bucket, with exact count, sum, minimum and maximum; merging is addition."""

    __slots__ = ("_first", "_last", "_place", "_window", "count", "high", "low", "total")

    def __init__(self) -> None:
        self.count = 0
        self.total = 0.0
        self.low = math.inf
        self.high = -math.inf
        # With anything in it, one of the two is set.
        self._window: NDArray[np.int64] | None = None
        self._place: Place | None = None
        # The buckets that the window begins and ends with, or that are the outermost on the sheet.
        self._first = self._last = 0

    @classmethod
    def lying(cls, place: Place, *, count: int, total: float, low: float, high: float) -> Histogram:
        """One that lies on a sheet; `count` is the sum of its counts there."""
        # Not by __init__: a report of a long run makes hundreds of thousands.
        histogram = cls.__new__(cls)
        histogram.count, histogram.total, histogram.low, histogram.high = count, total, low, high
        histogram._window, histogram._place = None, place
        histogram._first, histogram._last = place.first, place.last
        return histogram

    def lay_like(self, same: Histogram) -> None:
        """Give up the window for the place of a histogram that holds the same."""
        self._window, self._place = None, same._place
        self._first, self._last = same._first, same._last

    @property
    def is_lying(self) -> bool:
        """Whether it takes no more room than its part of a sheet."""
        return self._window is None

    def fold(self, values: Sequence[float]) -> None:
        """Add many values at once; NaN is refused with ValueError."""
        if not values:
            return
        # min() of a list that holds NaN depends on its place; the sum does not.
        total = math.fsum(values)
        if math.isnan(total):
            raise ValueError("a histogram can't hold NaN")
        if len(values) < _WORTH_NUMPY:
            buckets = [_bucket_of(value) for value in values]
            window, start = self._cover(min(buckets), max(buckets))
            for bucket in buckets:
                window[bucket - start] += 1
        else:
            clipped = np.clip(np.asarray(values, dtype=np.float64), LOWEST, HIGHEST)
            indices = np.ceil(np.log(clipped / LOWEST) * _PER_LOG).astype(np.int64)
            first = int(indices.min())
            found = np.bincount(indices - first)
            window, start = self._cover(first, first + len(found) - 1)
            window[first - start : first - start + len(found)] += found
        self.count += len(values)
        self.total += total
        self.low = min(self.low, min(values))
        self.high = max(self.high, max(values))

    def fold_repeated(self, values: Sequence[float], times: Sequence[int]) -> None:
        """Add each value so many times, at least once; NaN is refused with ValueError."""
        if not values:
            return
        array, counts = np.asarray(values, dtype=np.float64), np.asarray(times, dtype=np.int64)
        if np.isnan(array).any() or counts.min() < 1:
            raise ValueError("a histogram can't hold NaN, nor a value less than once")
        indices = np.ceil(np.log(np.clip(array, LOWEST, HIGHEST) / LOWEST) * _PER_LOG).astype(np.int64)
        first = int(indices.min())
        window, start = self._cover(first, int(indices.max()))
        # Values of one bucket must add up, which fancy indexing alone would not do.
        np.add.at(window, indices - start, counts)
        self.count += int(counts.sum())
        self.total += float(array @ counts)
        self.low = min(self.low, min(values))
        self.high = max(self.high, max(values))

    def merge(self, other: Histogram) -> None:
        """Add another histogram's counts to this one; the other one stays as it is."""
        if not other.count:
            return
        theirs, place = other._window, other._place
        if not self.count:
            self._window = None if theirs is None else theirs.copy()
            self._place, self._first, self._last = place, other._first, other._last
        else:
            window, start = self._window, self._first
            if window is None or other._first < start or other._last > self._last:
                window, start = self._cover(other._first, other._last)
            if theirs is not None:
                window[other._first - start : other._last + 1 - start] += theirs
            elif place is not None:
                buckets, counts = other.buckets()
                if place.sheet.is_small:
                    # An addition that converts takes four times as long.
                    buckets, counts = buckets.astype(np.int64), counts.astype(np.int64)
                window[buckets - start] += counts
        self.count += other.count
        self.total += other.total
        if other.low < self.low:  # a master does this some ten thousand times a second
            self.low = other.low
        if other.high > self.high:
            self.high = other.high

    @classmethod
    def merged(cls, histograms: Iterable[Histogram]) -> Histogram:
        """The sum of all of them; many at once cost a fifth of one after the other."""
        some = [histogram for histogram in histograms if histogram.count]
        whole = cls()
        if len(some) < _WORTH_JOINING:
            for histogram in some:
                whole.merge(histogram)
            return whole
        parts = [histogram.buckets() for histogram in some]
        buckets = np.concatenate([buckets for buckets, _ in parts], dtype=np.int64)
        counts = np.concatenate([counts for _, counts in parts], dtype=np.float64)
        whole._first, whole._last = int(buckets.min()), int(buckets.max())
        # Sums of counts are exact in a float up to 2^53, which no run comes near.
        whole._window = np.bincount(buckets - whole._first, counts).astype(np.int64)
        whole.count = sum(histogram.count for histogram in some)
        whole.total = sum(histogram.total for histogram in some)
        whole.low = min(histogram.low for histogram in some)
        whole.high = max(histogram.high for histogram in some)
        return whole

    def buckets(self) -> tuple[Integers, Integers]:
        """Numbers of the buckets that hold anything, ascending, and their counts."""
        if self._window is not None:
            filled = np.flatnonzero(self._window)
            return filled + self._first, self._window[filled]
        if self._place is not None:
            part = slice(self._place.start, self._place.stop)
            return self._place.sheet.buckets[part], self._place.sheet.counts[part]
        empty = np.zeros(0, dtype=np.int64)
        return empty, empty

    def quantile(self, q: float) -> float | None:
        """The nearest-rank quantile, q from 0 to 1, within RELATIVE_ERROR; None when empty.

        q = 0 and q = 1 are the exact minimum and maximum.
        """
        if not 0 <= q <= 1:
            raise ValueError(f"a quantile lies between 0 and 1, not at {q}")
        if self.count == 0:
            return None
        if q == 0:
            return self.low
        # 1e-9 undoes the rounding that makes 0.95 × 20 into 19.000000000000004.
        rank = max(1, math.ceil(q * self.count - 1e-9))
        if rank == self.count:
            return self.high
        buckets, counts = self.buckets()
        bucket = int(buckets[np.searchsorted(counts.cumsum(dtype=np.int64), rank)])
        return min(max(value_of(bucket), self.low), self.high)

    def above(self, value: float) -> int:
        """How many values are larger, within RELATIVE_ERROR."""
        buckets, counts = self.buckets()
        return int(counts[LOWEST * 2 * _GAMMA ** buckets.astype(np.float64) / (_GAMMA + 1) > value].sum())

    @property
    def mean(self) -> float | None:
        """The exact arithmetic mean; None when empty."""
        return self.total / self.count if self.count else None

    def _cover(self, first: int, last: int) -> tuple[NDArray[np.int64], int]:
        """The window, made to reach over these buckets as well, and the bucket that it begins with."""
        window = self._window
        if window is not None and self._first <= first and last <= self._last:
            return window, self._first
        if not self.count:
            self._first, self._last = first, last
            self._window = np.zeros(last + 1 - first, dtype=np.int64)
            return self._window, first
        buckets, counts = self.buckets()
        start = self._first if self._first <= first else max(0, first - _ROOM)
        end = self._last if last <= self._last else min(LAST_BUCKET, last + _ROOM)
        wider = np.zeros(end + 1 - start, dtype=np.int64)
        wider[buckets.astype(np.int64) - start] = counts
        self._window, self._place, self._first, self._last = wider, None, start, end
        return wider, start


def value_of(bucket: int) -> float:
    """The value that stands for a bucket, within RELATIVE_ERROR of all it holds."""
    return LOWEST * 2 * _GAMMA**bucket / (_GAMMA + 1)


def borders_of(bucket: int) -> tuple[float, float]:
    """Between which values a bucket lies; the first one reaches down without end."""
    return (LOWEST * _GAMMA ** (bucket - 1) if bucket else -math.inf), LOWEST * _GAMMA**bucket


def _bucket_of(value: float) -> int:
    if value <= LOWEST:
        return 0
    return LAST_BUCKET if value >= HIGHEST else math.ceil(math.log(value / LOWEST) * _PER_LOG)
