"""How much larger a quantile is in one sample than in another, with a 95 % interval.

For each sample alone: the quantile lies between two order statistics whose ranks a binomial gives, whatever
the distribution (Conover, Practical Nonparametric Statistics, 3.2). The two intervals are put together as
Zou and Donner (Statistics in Medicine 27, 2008) do for differences:

    lower = d − √((x − x_low)² + (y_high − y)²)        d = x − y
    upper = d + √((x_high − x)² + (y − y_low)²)

Samples are histograms, so each end of an interval is moved outwards to the border of its bucket: what is lost
is at most 1 % of the quantile, and never the coverage.

Strata are kinds of calls. Where the mix of kinds differs between the samples, since the cache answered more
of one kind, say, calls of the first sample are weighted so that it has the mix of the second.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tokenswarm.metrics.histogram import LAST_BUCKET, Histogram, borders_of

CONFIDENCE: Final = 0.95
_TAIL: Final = (1 - CONFIDENCE) / 2
_DEVIATIONS: Final = 10.0  # of a binomial; what lies beyond is less than a double can tell from 0


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and the interval that holds the true one in 95 % of such runs."""

    value: float
    low: float
    high: float


def samples_needed(quantile: float) -> int:
    """The fewest values that give an interval of this quantile: 6, 72 and 368 for p50, p95 and p99."""
    return math.ceil(math.log(_TAIL) / math.log(max(quantile, 1 - quantile)) - 1e-9)


class Sample:
    """Values by bucket, perhaps weighted, in ascending order."""

    def __init__(self, strata: Sequence[tuple[Histogram, float]]) -> None:
        """`strata` are histograms and the weight of each value in them."""
        weights = np.zeros(LAST_BUCKET + 1)
        for histogram, weight in strata:
            buckets, counts = histogram.buckets()
            weights[buckets] += counts * weight
        self._buckets = np.flatnonzero(weights)
        self._passed = np.cumsum(weights[self._buckets])
        self._lowest = min(histogram.low for histogram, _ in strata)
        self._highest = max(histogram.high for histogram, _ in strata)
        total = sum(histogram.count * weight for histogram, weight in strata)
        squares = sum(histogram.count * weight**2 for histogram, weight in strata)
        # Kish's effective size: weighted values tell less than as many equal ones.
        self.size = math.floor(total**2 / squares + 1e-9)

    def estimate(self, quantile: float) -> Estimate:
        """The quantile, from 0 to 1 without the ends, and its interval; `size` must be samples_needed."""
        low, high = _ranks(self.size, quantile)
        return Estimate(
            self._at(quantile), self._border(low / self.size, 0), self._border(high / self.size, 1)
        )

    def _at(self, share: float) -> float:
        """The value below which this share lies, interpolated within its bucket."""
        i = self._place(share)
        below = float(self._passed[i - 1]) if i else 0.0
        inside = (share * float(self._passed[-1]) - below) / (float(self._passed[i]) - below)
        low, high = self._borders(i)
        return low + (high - low) * min(max(inside, 0.0), 1.0)

    def _border(self, share: float, side: int) -> float:
        return self._borders(self._place(share))[side]

    def _place(self, share: float) -> int:
        passed = self._passed
        return min(int(np.searchsorted(passed, share * float(passed[-1]) * (1 - 1e-12))), len(passed) - 1)

    def _borders(self, i: int) -> tuple[float, float]:
        low, high = borders_of(int(self._buckets[i]))
        return max(low, self._lowest), min(high, self._highest)


def difference(first: Sample, second: Sample, quantile: float) -> Estimate:
    """First minus second; both must be as large as samples_needed."""
    x, y = first.estimate(quantile), second.estimate(quantile)
    value = x.value - y.value
    return Estimate(
        value,
        value - math.hypot(x.value - x.low, y.high - y.value),
        value + math.hypot(x.high - x.value, y.value - y.low),
    )


def comparable(
    first: Mapping[Hashable, Histogram], second: Mapping[Hashable, Histogram]
) -> tuple[Sample, Sample] | None:
    """Samples of the kinds that both have, the first weighted to the second's mix; None if there is none."""
    kinds = [kind for kind in second if second[kind].count and kind in first and first[kind].count]
    if not kinds:
        return None
    all_first = sum(first[kind].count for kind in kinds)
    all_second = sum(second[kind].count for kind in kinds)
    weights = {kind: (second[kind].count / all_second) / (first[kind].count / all_first) for kind in kinds}
    return (
        Sample([(first[kind], weights[kind]) for kind in kinds]),
        Sample([(second[kind], 1.0) for kind in kinds]),
    )


def _ranks(size: int, quantile: float) -> tuple[int, int]:
    """Ranks from 1 of the order statistics that hold the quantile between them with 95 % or a little more."""
    mean, deviation = size * quantile, math.sqrt(size * quantile * (1 - quantile))
    reach = _DEVIATIONS * deviation + _DEVIATIONS
    first, last = max(0, math.floor(mean - reach)), min(size, math.ceil(mean + reach))
    k = np.arange(first, last, dtype=np.float64)
    # Each term of the binomial from the one before: no factorial overflows.
    steps = np.log((size - k) / (k + 1)) + math.log(quantile / (1 - quantile))
    logs = np.concatenate(([0.0], np.cumsum(steps)))
    terms = np.exp(logs - logs.max())
    below = np.cumsum(terms) / terms.sum()  # P(B ≤ first + i)
    # P(B < low) ≤ tail, and P(B ≥ high) ≤ tail
    low = first + int(np.searchsorted(below, _TAIL, side="right"))
    high = first + int(np.searchsorted(below, 1 - _TAIL, side="left")) + 1
    return max(1, low), min(size, high)
