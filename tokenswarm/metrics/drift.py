"""How fast something rises or falls over a long run, and how sure that is.

The run is cut into at most MOST_BATCHES equal parts, and each gives one point: the median of what was
measured in it. The slope is the median of the slopes between all pairs of points (Theil 1950, Sen 1968):
a fifth of the points may be anything without moving it far. Its 95 % interval is Sen's, from the variance
of Kendall's S, made wider by (1 + r) ÷ (1 − r) where neighbouring points resemble each other with an
autocorrelation r; without that, a target whose slow minutes come in rows would seem to drift.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tokenswarm.metrics.gauge import Sample
from tokenswarm.metrics.histogram import Histogram, borders_of
from tokenswarm.metrics.series import Series, SeriesKey
from tokenswarm.metrics.source import Reading, Span
from tokenswarm.metrics.units import DRIFT, Quantity, format_duration, format_figure

MOST_BATCHES: Final = 48
# drift → the time that drifts
DRIFTS: Final = {"latency_drift": "latency", "ttft_drift": "ttft"}
SHORTEST_S: Final = 900.0  # a slope an hour from less is a guess
_HOUR_S: Final = 3600.0
_SURE: Final = 1.959964  # deviations either side of 95 %
# With fewer points the interval is that of all slopes between two of them: no less can be said.
_FEW: Final = 12
# A correlation nearer to 1 can't be told from a slope with so few points.
_HIGHEST_CORRELATION: Final = 0.95


@dataclass(frozen=True, slots=True)
class Point:
    """The median of one part of a run; `at_s` is the middle of the part."""

    at_s: float
    value: float


@dataclass(frozen=True, slots=True)
class Trend:
    """A slope in units per second with its 95 % interval, and the median of the points."""

    slope: float
    low: float
    high: float
    level: float
    points: int


def trend_of(points: Sequence[Point]) -> Trend | None:
    """The trend of points at different times; None for fewer than two."""
    if len(points) < 2:
        return None
    at_s = np.asarray([point.at_s for point in points])
    values = np.asarray([point.value for point in points])
    first, second = np.triu_indices(len(points), 1)
    slopes = np.sort((values[second] - values[first]) / (at_s[second] - at_s[first]))
    slope = float(np.median(slopes))
    low, high = float(slopes[0]), float(slopes[-1])
    if len(points) >= _FEW:
        n, pairs = len(points), len(slopes)
        inflation = _inflation(values - slope * at_s)
        reach = _SURE * math.sqrt(inflation * n * (n - 1) * (2 * n + 5) / 18)
        low = float(slopes[max(0, math.floor((pairs - reach) / 2) - 1)])
        high = float(slopes[min(pairs - 1, math.ceil((pairs + reach) / 2))])
    return Trend(slope, low, high, float(np.median(values)), len(points))


def _inflation(residuals: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    """How much wider the variance is for residuals that follow one another."""
    residuals = residuals - np.median(residuals)
    squares = float(np.sum(residuals**2))
    if squares == 0:
        return 1.0
    n = len(residuals)
    found = float(np.sum(residuals[1:] * residuals[:-1])) / squares
    # Around a line that was fitted to them, n points seem less correlated than they are.
    r = min(max((n * found + 1) / (n - 4), 0.0), _HIGHEST_CORRELATION)
    return (1 + r) / (1 - r)


def points_of_times(
    series: Iterable[tuple[SeriesKey, Series]], time: str, spans: Sequence[Span], width_s: float
) -> tuple[list[Point], int]:
    """Medians of a time over the parts of these spans, and the number of calls in them."""
    if not spans:
        return [], 0
    start_s, batch_s = _batches(spans[0].start_s, spans[-1].end_s, width_s)
    parts: dict[int, list[Histogram]] = {}
    for key, one in series:
        at_s = key.interval * width_s
        if time in one.values and at_s < spans[-1].end_s:
            number = int((max(at_s, start_s) - start_s) / batch_s + 1e-9)
            parts.setdefault(number, []).append(one.values[time])
    batches = {number: Histogram.merged(found) for number, found in parts.items()}
    points = [
        Point(start_s + (number + 0.5) * batch_s, _median(histogram))
        for number, histogram in sorted(batches.items())
    ]
    return points, sum(histogram.count for histogram in batches.values())


def _median(histogram: Histogram) -> float:
    """Interpolated within its bucket: in steps of 1 % a slow drift would be none, and then a jump."""
    buckets, counts = histogram.buckets()
    passed = counts.cumsum(dtype=np.int64)
    i = int(np.searchsorted(passed, histogram.count / 2))
    low, high = borders_of(int(buckets[i]))
    inside = (histogram.count / 2 - float(passed[i] - counts[i])) / float(counts[i])
    return min(max(low + (high - low) * inside, histogram.low), histogram.high)


def points_of_samples(samples: Sequence[Sample]) -> list[Point]:
    """Medians of samples over the parts of their time."""
    times = [sample.at_s for sample in samples]
    start_s, batch_s = _batches(min(times), max(times), 0.0)
    if len(samples) <= MOST_BATCHES or not batch_s:
        return [Point(sample.at_s, sample.value) for sample in samples] if batch_s else []
    batches: dict[int, list[Sample]] = {}
    for sample in samples:
        number = min(int((sample.at_s - start_s) / batch_s), MOST_BATCHES - 1)
        batches.setdefault(number, []).append(sample)
    return [
        Point(float(np.mean([s.at_s for s in batch])), float(np.median([s.value for s in batch])))
        for _, batch in sorted(batches.items())
    ]


def _batches(start_s: float, end_s: float, width_s: float) -> tuple[float, float]:
    """Where the first part begins, and how long each is: whole intervals."""
    if not width_s:
        return start_s, (end_s - start_s) / MOST_BATCHES
    first = math.floor(start_s / width_s + 1e-9)
    intervals = math.ceil(end_s / width_s - 1e-9) - first
    return first * width_s, max(1, math.ceil(intervals / MOST_BATCHES)) * width_s


def read_drift(points: Sequence[Point], calls: int, lasted_s: float) -> Reading:
    """The rise of a median as a share of itself an hour; its samples are calls."""
    if lasted_s < SHORTEST_S:
        least, lasted = format_duration(SHORTEST_S), format_duration(round(lasted_s, 3))
        return Reading.absent(f"a drift needs {least} of judged time, and there were {lasted}", calls)
    trend = trend_of(points)
    if trend is None or trend.level <= 0:
        return Reading.absent("too few calls ended to tell a drift", calls)
    factor = _HOUR_S / trend.level
    return _reading(trend, calls, factor, DRIFT)


def read_slope(samples: Sequence[Sample], quantity: Quantity) -> Reading:
    """The slope of a gauge in units per second."""
    points = points_of_samples(samples)
    trend = trend_of(points)
    if trend is None:
        return Reading.absent("a slope needs two samples, at different times", len(samples))
    return _reading(trend, len(samples), 1.0, quantity)


def _reading(trend: Trend, samples: int, factor: float, quantity: Quantity) -> Reading:
    value, low, high = (figure * factor for figure in (trend.slope, trend.low, trend.high))
    ends = " to ".join(format_figure(end, quantity) for end in (low, high))
    return Reading(value, samples, low, high, f"the limit lies inside the 95% interval, {ends}")
