"""A sparse logarithmic histogram: fold arrays in, merge by addition, read quantiles.

Bucket i holds (γ^(i−1), γ^i] × 1 µs with γ = (1+α)/(1−α); the value reported for it, 2γ^i/(γ+1),
is within α of everything inside (the DDSketch construction, Masson et al., VLDB 2019). Values are
seconds for times and plain numbers for amounts; anything at or below 1 µs shares bucket 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np

RELATIVE_ERROR: Final = 0.005
LOWEST: Final = 1e-6
HIGHEST: Final = 3600.0

_GAMMA: Final = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
_PER_LOG: Final = 1 / math.log(_GAMMA)
_LAST: Final = math.ceil(math.log(HIGHEST / LOWEST) * _PER_LOG)
# Below this many values a loop beats the fixed cost of a dozen numpy calls.
_WORTH_NUMPY: Final = 24


class Histogram:
    """Counts by bucket, with exact count, sum, minimum and maximum; merging is addition."""

    __slots__ = ("count", "counts", "high", "low", "total")

    def __init__(self) -> None:
        self.counts: dict[int, int] = {}
        self.count = 0
        self.total = 0.0
        self.low = math.inf
        self.high = -math.inf

    def fold(self, values: Sequence[float]) -> None:
        """Add many values at once; NaN is refused with ValueError."""
        if not values:
            return
        # min() of a list that holds NaN depends on its place; the sum does not.
        total = math.fsum(values)
        if math.isnan(total):
            raise ValueError("a histogram can't hold NaN")
        self.count += len(values)
        self.total += total
        self.low = min(self.low, min(values))
        self.high = max(self.high, max(values))
        buckets = _buckets_of(values)
        counts = self.counts
        for bucket, count in buckets:
            counts[bucket] = counts.get(bucket, 0) + count

    def merge(self, other: Histogram) -> None:
        """Add another histogram's counts to this one."""
        counts = self.counts
        for bucket, count in other.counts.items():
            counts[bucket] = counts.get(bucket, 0) + count
        self.count += other.count
        self.total += other.total
        self.low = min(self.low, other.low)
        self.high = max(self.high, other.high)

    @classmethod
    def merged(cls, histograms: Iterable[Histogram]) -> Histogram:
        """The sum of all of them."""
        whole = cls()
        for histogram in histograms:
            whole.merge(histogram)
        return whole

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
        seen = 0
        for bucket in sorted(self.counts):
            seen += self.counts[bucket]
            if seen >= rank:
                return min(max(value_of(bucket), self.low), self.high)
        raise AssertionError("the buckets hold fewer values than the count says")

    def above(self, value: float) -> int:
        """How many values are larger, within RELATIVE_ERROR."""
        return sum(count for bucket, count in self.counts.items() if value_of(bucket) > value)

    @property
    def mean(self) -> float | None:
        """The exact arithmetic mean; None when empty."""
        return self.total / self.count if self.count else None

    def to_wire(self) -> dict[str, Any]:
        """Plain types only, for JSON and msgpack; `from_wire` reads it back."""
        buckets = sorted(self.counts)
        return {
            "n": self.count,
            "sum": self.total,
            "min": self.low,
            "max": self.high,
            "i": buckets,
            "c": [self.counts[bucket] for bucket in buckets],
        }

    @classmethod
    def from_wire(cls, data: Mapping[str, Any]) -> Histogram:
        """The histogram that `to_wire` wrote."""
        histogram = cls()
        histogram.count = int(data["n"])
        histogram.total = float(data["sum"])
        histogram.low = float(data["min"])
        histogram.high = float(data["max"])
        histogram.counts = dict(zip(data["i"], data["c"], strict=True))
        return histogram


def value_of(bucket: int) -> float:
    """The value that stands for a bucket, within RELATIVE_ERROR of all it holds."""
    return LOWEST * 2 * _GAMMA**bucket / (_GAMMA + 1)


def _buckets_of(values: Sequence[float]) -> Iterable[tuple[int, int]]:
    if len(values) < _WORTH_NUMPY:
        log, ceil = math.log, math.ceil
        return [
            (0 if v <= LOWEST else _LAST if v >= HIGHEST else ceil(log(v / LOWEST) * _PER_LOG), 1)
            for v in values
        ]
    clipped = np.clip(np.asarray(values, dtype=np.float64), LOWEST, HIGHEST)
    indices = np.ceil(np.log(clipped / LOWEST) * _PER_LOG).astype(np.int64)
    buckets, counts = np.unique(indices, return_counts=True)
    return zip(buckets.tolist(), counts.tolist(), strict=True)
