"""Thresholds judged against measurements: what held, what did not, by how much and since when.

States of a level, for one reading:  holds | broken | unknown (no figure, too few samples, or the limit
lies inside the source's rounding). A line looks at one reading, or with a window at many:

    no window   the figure over all judged stages, or the stage named
    over W      every full window of W, one interval further each time: all must hold
    for W       every full window of W, interval by interval: broken if all its intervals are

Of a line's levels the most severe one that is broken decides. A line with an unknown and nothing
broken is inconclusive: no data is never a pass.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from tokenswarm.metrics.catalogue import METRICS, Kind
from tokenswarm.metrics.measurements import Measurements
from tokenswarm.metrics.sliding import sliding_sources
from tokenswarm.metrics.source import Aggregation, Reading, Selector, Source, Span, StageSpan
from tokenswarm.metrics.threshold_windows import (
    full_intervals,
    intervals_in,
    judged_spans,
    sliding,
    span_of,
)
from tokenswarm.metrics.thresholds import Level, Status, Threshold, ThresholdResult
from tokenswarm.metrics.units import SHARE, format_duration, format_figure

# A long run is first searched at so many points for the first breach, then between two of them.
_SEARCH_POINTS: Final = 60
# Labels that say how a call went; without them a selection says which calls were made at all.
_OF_THE_ANSWER: Final = ("outcome", "status", "cache", "cache_layer", "provider")

_HOLDS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_NEARLY_ALL: Final = 0.9  # a lower limit, as that of a cache's hits, is a goal and leaves no budget
_ROOM: Final[Mapping[str, Callable[[float, float], float]]] = {
    "<": lambda value, limit: limit - value,
    "<=": lambda value, limit: limit - value,
    ">": lambda value, limit: value - limit,
    ">=": lambda value, limit: value - limit,
    "==": lambda value, limit: -abs(value - limit),
    "!=": lambda value, limit: abs(value - limit),
}


def judge(
    thresholds: Iterable[Threshold], source: Source, until_s: float | None = None
) -> list[ThresholdResult]:
    """Every line's result, in order; `until_s` is how far a run has come that is still going on."""
    return [_Judge(threshold, source, until_s).result() for threshold in thresholds]


def broken_abort_line(
    thresholds: Iterable[Threshold],
    source: Source,
    elapsed_s: float,
    stages: Sequence[StageSpan] | None = None,
) -> ThresholdResult | None:
    """The first line marked `abort` that has failed by now; its stage must be `abort_after` old.

    Without a stage of its own a line's time counts from the first judged stage. `stages` are those of the
    run, where the source holds only a part of it.
    """
    for threshold in thresholds:
        if not threshold.abort:
            continue
        spans = judged_spans(stages or source.stages, threshold.subject.stage, elapsed_s)
        if not spans or elapsed_s - spans[0].start_s < threshold.abort_after_s:
            continue
        (result,) = judge([threshold], source, elapsed_s)
        if result.status is Status.FAIL:
            return result
    return None


@dataclass(frozen=True, slots=True)
class _Moment:
    """What a level is held against once: it holds if any reading holds, and is broken if all are."""

    readings: tuple[Reading, ...]
    at_s: float | None = None  # when it was complete


class _Judge:
    """One line and its source."""

    def __init__(self, threshold: Threshold, source: Source, until_s: float | None) -> None:
        self._threshold = threshold
        self._source = source
        self._until_s = until_s
        self._subject = threshold.subject
        self._selector = threshold.subject.selector
        self._limits = {level: level.limit(threshold.subject) for level in threshold.levels}
        self._spans = judged_spans(
            source.stages, self._subject.stage, math.inf if until_s is None else until_s
        )
        self._width_s = source.resolution_s()

    def result(self) -> ThresholdResult:
        threshold, levels = self._threshold, self._threshold.levels
        moments = self._moments()
        if isinstance(moments, str):
            return self._without_value(moments)
        known = [moment for moment in moments if any(r.value is not None for r in moment.readings)]
        if not known:
            return self._without_value(moments[0].readings[0].reason or "no data")
        decisive, status, reason = levels[0], Status.PASS, ""
        for level in reversed(levels):
            states = [self._state(level, moment) for moment in moments]
            if False in states:
                decisive, status = level, level.on_breach
                break
            if None in states:
                decisive, status = level, Status.INCONCLUSIVE
                reason = self._why_unknown(level, moments, states)
                break
        if status is Status.PASS and self._is_empty():
            status, reason = Status.INCONCLUSIVE, "no call ended"
        shown = self._shown(decisive, known)
        assert shown.value is not None
        limit = self._limits[decisive]
        margin = _ROOM[decisive.expression.operator](shown.value, limit)
        whole = self._whole(decisive, limit)
        is_broken = status in (Status.WARN, Status.FAIL)
        return ThresholdResult(
            threshold,
            status,
            limit,
            shown.value,
            margin,
            margin / whole if whole else None,
            shown.samples,
            self._first_breach_s(decisive, moments) if is_broken else None,
            reason,
            self._note(shown),
        )

    def _whole(self, level: Level, limit: float) -> float:
        """What a margin is a share of: the limit, or what it lets fail where nearly all must succeed.

        An availability of 97 % where 99 % is asked is as broken as an error rate of 3 % where 1 % is allowed.
        """
        is_budget = self._threshold.quantity is SHARE and level.expression.operator in (">", ">=")
        return 1.0 - limit if is_budget and _NEARLY_ALL <= limit <= 1.0 else abs(limit)

    def _moments(self) -> list[_Moment] | str:
        """What there is to look at, or why there is nothing."""
        window = self._threshold.levels[0].expression.window
        if window is None:
            return [_Moment((self._read(self._live_span()),))]
        width_s = self._width_s
        if width_s is None or not self._source.stages:
            return f"{window}: these measurements don't say how the figure went over time"
        count = intervals_in(window.duration_s, width_s)
        moments: list[_Moment] = []
        for span in self._spans:
            intervals = full_intervals(span, width_s)
            is_over = window.mode == "over"
            readings = self._readings(intervals, count if is_over else 1, width_s)
            for i, part in enumerate(sliding(intervals, count)):
                own = readings[i : i + 1] if is_over else readings[i : i + count]
                moments.append(_Moment(tuple(own), part.stop * width_s))
        lasted_s = max((span.end_s - span.start_s for span in self._spans), default=0.0)
        return moments or f"{window}: the judged stages lasted {format_duration(round(lasted_s, 3))}"

    def _readings(self, intervals: range, count: int, width_s: float) -> list[Reading]:
        """The figure of every full window of so many intervals."""
        spans = [span_of(part.start, count, width_s) for part in sliding(intervals, count)]
        # A difference is of whole samples in two arms: sums of slices would cost as much.
        is_difference = METRICS[self._subject.metric].kind is Kind.DIFFERENCE
        if is_difference or not isinstance(self._source, Measurements):
            return [self._read(span) for span in spans]
        sources = sliding_sources(self._source, self._subject.metric, self._selector, intervals, count)
        return [self._read(span, source) for span, source in zip(spans, sources, strict=True)]

    def _live_span(self) -> Span | None:
        return None if self._until_s is None else Span(0.0, self._until_s)

    def _read(self, span: Span | None, source: Source | None = None) -> Reading:
        source = source or self._source
        reading = source.read(self._subject.metric, self._threshold.aggregation, self._selector, span)
        if reading.value is not None and reading.samples < self._threshold.min_samples:
            few = f"{reading.samples} samples, fewer than min_samples {self._threshold.min_samples}"
            return replace(reading, reason=few)
        return reading

    def _state(self, level: Level, moment: _Moment) -> bool | None:
        """True: holds; False: broken; None: can't be told."""
        states = {self._holds(level, reading) for reading in moment.readings}
        if True in states:
            return True
        return None if None in states else False

    def _holds(self, level: Level, reading: Reading) -> bool | None:
        if reading.value is None or reading.samples < self._threshold.min_samples:
            return None
        low = reading.value if reading.low is None else reading.low
        high = reading.value if reading.high is None else reading.high
        limit, holds = self._limits[level], _HOLDS[level.expression.operator]
        # == and != may agree at both edges of the band and differ inside it.
        if low < limit < high or holds(low, limit) != holds(high, limit):
            return None
        return holds(reading.value, limit)

    def _why_unknown(self, level: Level, moments: Sequence[_Moment], states: Sequence[bool | None]) -> str:
        unknown = [moment for moment, state in zip(moments, states, strict=True) if state is None]
        reading = next(r for r in unknown[0].readings if self._holds(level, r) is None)
        why = reading.reason or (
            f"the limit lies inside the rounding of these measurements, {self._show(reading.low)}"
            f" to {self._show(reading.high)}"
        )
        if unknown[0].at_s is None:
            return why
        return (
            f"{len(unknown)} of {len(moments)} windows can't be judged, first at {unknown[0].at_s:g} s: {why}"
        )

    def _shown(self, level: Level, known: Sequence[_Moment]) -> Reading:
        """The best reading of the worst moment: it breaks the limit if, and only if, the line is broken."""
        room, limit = _ROOM[level.expression.operator], self._limits[level]

        def room_of(reading: Reading) -> float:
            return -math.inf if reading.value is None else room(reading.value, limit)

        return min((max(moment.readings, key=room_of) for moment in known), key=room_of)

    def _first_breach_s(self, level: Level, moments: Sequence[_Moment]) -> float | None:
        if moments[0].at_s is not None:
            return next(m.at_s for m in moments if self._state(level, m) is False)
        if self._width_s is None or not self._spans:
            return None
        if METRICS[self._subject.metric].kind is Kind.DRIFT:
            return self._spans[-1].end_s  # from a part of the time it is another drift
        return _first_breach_s(self._ends(self._width_s), lambda at_s: self._is_broken_at(level, at_s))

    def _ends(self, width_s: float) -> list[float]:
        """Ends of the judged intervals, and of the last judged stage."""
        ends = [(i + 1) * width_s for span in self._spans for i in full_intervals(span, width_s)]
        last_s = self._spans[-1].end_s
        return [*(end_s for end_s in ends if end_s < last_s), last_s]

    def _is_broken_at(self, level: Level, at_s: float) -> bool:
        """Whether the figure up to then breaks the level, and rests on enough samples to say so."""
        if METRICS[self._subject.metric].kind is Kind.COUNTER and level.expression.operator in (
            ">",
            ">=",
            "==",
        ):
            return False  # a count that is still growing is known to be too small only at the end
        reading = self._read(Span(self._spans[0].start_s, at_s))
        return reading.samples >= self._enough_samples() and self._holds(level, reading) is False

    def _enough_samples(self) -> float:
        """1/(1 − q): below it the p(N) is nothing but the maximum."""
        quantile = self._threshold.aggregation.quantile
        return 1 if quantile is None else 1 / max(1 - quantile, 1e-3)

    def _note(self, shown: Reading) -> str:
        enough = self._enough_samples()
        if self._threshold.aggregation.quantile in (None, 0.0, 1.0) or shown.samples >= enough - 1e-6:
            return ""
        return f"{self._threshold.aggregation} of {shown.samples} samples is no more than their maximum"

    def _is_empty(self) -> bool:
        """Whether a count or rate of nothing would pass because no call ended at all."""
        metric = METRICS[self._subject.metric]
        if metric.kind not in (Kind.COUNTER, Kind.RATE) or metric.is_monitored:
            return False
        labels = {name: value for name, value in self._subject.labels if name not in _OF_THE_ANSWER}
        ended = self._source.read("requests", Aggregation("count"), Selector(labels), self._live_span())
        return not ended.value

    def _without_value(self, reason: str) -> ThresholdResult:
        status = Status.INCONCLUSIVE
        if self._threshold.if_measured and not self._is_measured():
            status = Status.NOT_MEASURED
        return ThresholdResult(
            self._threshold, status, self._limits[self._threshold.levels[0]], reason=reason
        )

    def _is_measured(self) -> bool:
        """Whether the source has this metric for any call at all; of an arm that tries a cache, for that."""
        # Which arms there are is the profile's doing, and not the target's.
        own = {name: value for name, value in self._subject.labels if name == "cache_arm"}
        reading = self._source.read(self._subject.metric, self._threshold.aggregation, Selector(own), None)
        # Arms that are too small for a figure were measured all the same: that must not look like none.
        is_begun = METRICS[self._subject.metric].kind is Kind.DIFFERENCE and reading.samples > 0
        return reading.value is not None or is_begun

    def _show(self, value: float | None) -> str:
        return "?" if value is None else format_figure(value, self._threshold.quantity)


def _first_breach_s(ends: Sequence[float], is_broken: Callable[[float], bool]) -> float:
    """The first of the ends at which it is broken; the last one if none is.

    Calls still in flight when a stage ends count in the verdict, but in no moment of the stage.
    """
    stride = max(1, len(ends) // _SEARCH_POINTS)
    for i in range(stride - 1, len(ends), stride):
        if is_broken(ends[i]):
            return next(
                end_s for end_s in ends[i - stride + 1 : i + 1] if end_s == ends[i] or is_broken(end_s)
            )
    return ends[-1]
