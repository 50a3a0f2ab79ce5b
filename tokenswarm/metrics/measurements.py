"""All that a run measured, merged: deltas go in, figures come out. Live on the master and offline alike."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tokenswarm.metrics.call import FAILURES, GATEWAY, INTERRUPTED, PROVIDER, SUCCESS
from tokenswarm.metrics.catalogue import METRICS, OF_STARTS, Kind
from tokenswarm.metrics.drift import DRIFTS, points_of_times, read_drift
from tokenswarm.metrics.gauge import Sample, Samples
from tokenswarm.metrics.histogram import Histogram
from tokenswarm.metrics.increase import read_monitored
from tokenswarm.metrics.injection import INJECTION_TIMES, Injection, injection_reading
from tokenswarm.metrics.interval import coarser
from tokenswarm.metrics.paired import PAIRED, paired_difference
from tokenswarm.metrics.reading import of_histogram, of_samples
from tokenswarm.metrics.row import Row
from tokenswarm.metrics.series import (
    PLANNED_STARTS,
    Delta,
    Fault,
    FaultKey,
    Labels,
    Series,
    SeriesKey,
    add_fault,
)
from tokenswarm.metrics.shares import NOTHING_DUE, Counted, read_share
from tokenswarm.metrics.sheet import repack
from tokenswarm.metrics.source import Aggregation, Reading, Selector, Span, StageSpan
from tokenswarm.metrics.threshold_windows import judged_spans

ANY_OUTCOME: Final = "all"
ANY_ARM: Final = "all"
NO_CACHE: Final = "none"  # as a label's value: calls of which nobody said whether a cache answered
# Label-less counts of the profile's checks are named KIND/NAME OF THE CHECK.
CHECK_MET: Final = "check_met"
CHECK_ASKED: Final = "check_asked"

# rate → the count it divides by seconds
_RATES: Final[Mapping[str, str]] = {
    "request_rate": "requests",
    "offered_rate": PLANNED_STARTS,
    "output_tokens_rate": "output_tokens",
    "ws_messages_rate": "ws_messages",
    "input_tokens_rate": "input_tokens",
}


@dataclass(slots=True)
class _Grown:
    """The last sum over a span. Who looks for the first breach asks for ever longer spans from one start."""

    of: tuple[str, frozenset[tuple[str, str]], int]  # metric, labels, first interval
    stop: int  # the interval that it goes up to
    sum: Histogram


class Measurements:
    """Series by key, failures by message and gauge samples; `read` answers thresholds."""

    def __init__(self, stages: Sequence[StageSpan] = (), width_s: float = 1.0) -> None:
        self.width_s = width_s
        self.faults: dict[FaultKey, Fault] = {}
        self.samples = Samples()
        self.injections: Sequence[Injection] = ()  # known once the run is over
        self._stages = tuple(stages)
        self._rows: dict[tuple[str, Labels], Row] = {}
        self._grown: _Grown | None = None

    @property
    def stages(self) -> Sequence[StageSpan]:
        """The stages that ran."""
        return self._stages

    @property
    def series(self) -> Mapping[SeriesKey, Series]:
        """All of them; to look at, not to change."""
        return dict(self.each())

    def each(self) -> Iterator[tuple[SeriesKey, Series]]:
        """Every series with its key."""
        for (stage, labels), row in self._rows.items():
            for interval, series in row.intervals.items():
                yield SeriesKey(interval, stage, labels), series

    def set_stages(self, stages: Sequence[StageSpan]) -> None:
        """Replace the stages, once it is known when they really ended."""
        self._stages = tuple(stages)

    def resolution_s(self) -> float:
        """The width of one interval."""
        return self.width_s

    def absorb(self, delta: Delta) -> None:
        """Add a delta; a coarser one makes all coarser, a finer one is folded into our intervals."""
        if delta.width_s > self.width_s:
            self._coarsen(delta.width_s)
        for key, series in delta.series.items():
            interval = coarser(key.interval, delta.width_s, self.width_s)
            self.add(key._replace(interval=interval) if interval != key.interval else key, series)
        for fault_key, fault in delta.faults.items():
            add_fault(self.faults, fault_key, fault)

    def take(self, delta: Delta) -> None:
        """The same with a delta that nobody looks at any more: its series become ours, and none is copied."""
        if delta.width_s != self.width_s:
            self.absorb(delta)
            return
        for key, series in delta.series.items():
            self._row_of(key).take(key.interval, series)
        self._grown = None
        for fault_key, fault in delta.faults.items():
            add_fault(self.faults, fault_key, fault)

    def add(self, key: SeriesKey, series: Series) -> None:
        """Add one series, of an interval of ours."""
        self._row_of(key).add(key.interval, series)
        self._grown = None

    def _row_of(self, key: SeriesKey) -> Row:
        row = self._rows.get(key[1:])
        if row is None:
            row = self._rows[key[1:]] = Row()
        return row

    def forget_before(self, interval: int) -> None:
        """Drop what was measured in the intervals before this one."""
        for row in self._rows.values():
            row.forget_before(interval)
        self._grown = None

    def settle(self) -> None:
        """Take no more room than what was measured needs: nothing, or nearly nothing, will be added."""
        for row in self._rows.values():
            repack([one for series in row.intervals.values() for one in series.values.values()])

    def _coarsen(self, width_s: float) -> None:
        old, old_width_s = self._rows, self.width_s
        self._rows, self.width_s = {}, width_s
        for (stage, labels), row in old.items():
            for interval, series in row.intervals.items():
                self.add(SeriesKey(coarser(interval, old_width_s, width_s), stage, labels), series)
        self.settle()

    def select(self, selector: Selector, span: Span | None = None) -> Iterator[tuple[SeriesKey, Series]]:
        """The series that match; without `stage` no warm-ups, without `arm` none of the provider's."""
        intervals = self._intervals_of(span)
        for stage, labels, row in self._matching(selector):
            for interval, series in row.within(intervals):
                yield SeriesKey(interval, stage, labels), series

    def _matching(self, selector: Selector) -> Iterator[tuple[str, Labels, Row]]:
        wanted = dict(selector.labels)
        stage = wanted.pop("stage", None)
        if wanted.get("outcome") == ANY_OUTCOME:
            del wanted["outcome"]
        if wanted.get("cache") == NO_CACHE:
            wanted["cache"] = ""
        arm = wanted.pop("arm", GATEWAY)
        warmups = {s.name for s in self._stages if s.is_warmup} if stage is None else frozenset()
        for (own_stage, labels), row in self._rows.items():
            if own_stage in warmups or (stage is not None and own_stage != stage):
                continue
            # What belongs to no call has no arm, and is the gateway's: it is what the run is about.
            if arm != ANY_ARM and (labels.arm or GATEWAY) != arm:
                continue
            if all(getattr(labels, name) == value for name, value in wanted.items()):
                yield own_stage, labels, row

    def _intervals_of(self, span: Span | None) -> range | None:
        if span is None:
            return None
        first = math.floor(span.start_s / self.width_s + 1e-9)
        last = math.ceil(span.end_s / self.width_s - 1e-9)
        return range(first, last)

    def histogram(self, name: str, selector: Selector, span: Span | None = None) -> Histogram:
        """The merged histogram of one metric; of successful calls where the catalogue says so."""
        metric = METRICS[name]
        if metric.is_success_only and "outcome" not in selector.labels:
            selector = Selector({**selector.labels, "outcome": SUCCESS})
        intervals = self._intervals_of(span)
        if intervals is not None:
            return self._grow(name, selector, intervals)
        return Histogram.merged(one for _, one in self.parts(name, selector))

    def parts(
        self, name: str, selector: Selector, span: Span | None = None
    ) -> Iterator[tuple[Labels, Histogram]]:
        """What there is of one metric, for who adds it up by labels; to look at, not to change."""
        intervals = self._intervals_of(span)
        for _, labels, row in self._matching(selector):
            for one in row.histograms(name, intervals):
                yield labels, one

    def _grow(self, name: str, selector: Selector, intervals: range) -> Histogram:
        of = (name, frozenset(selector.labels.items()), intervals.start)
        grown = Histogram()
        rest = intervals
        if self._grown is not None and self._grown.of == of and self._grown.stop <= intervals.stop:
            grown.merge(self._grown.sum)
            rest = range(self._grown.stop, intervals.stop)
        for _, _, row in self._matching(selector):
            for one in row.histograms(name, rest):
                grown.merge(one)
        kept = Histogram()
        kept.merge(grown)
        self._grown = _Grown(of, intervals.stop, kept)
        return grown

    def count(self, name: str, selector: Selector, span: Span | None = None) -> float:
        """The sum of one counter. `requests` and `failures` leave interrupted calls out."""
        if name == "requests":
            return sum(self.outcomes(selector, span, without_interrupted=True).values())
        if name == "failures":
            ended = self.outcomes(selector, span, without_interrupted=True)
            return sum(count for outcome, count in ended.items() if outcome in FAILURES)
        if name == "interrupted":
            return self.outcomes(selector, span).get(INTERRUPTED, 0)
        intervals = self._intervals_of(span)
        return sum(row.counts(intervals).get(name, 0) for _, _, row in self._matching(selector))

    def outcomes(
        self, selector: Selector, span: Span | None = None, *, without_interrupted: bool = False
    ) -> dict[str, float]:
        """Calls by outcome."""
        found = _calls_by_outcome(self.counted(selector, span))
        if without_interrupted:
            found.pop(INTERRUPTED, None)
        return found

    def all_outcomes(self, arm: str = ANY_ARM) -> dict[str, float]:
        """Calls by outcome of the whole run, warm-ups included: what must agree with what others counted."""
        arms = {ANY_ARM: (GATEWAY, PROVIDER, "")}.get(arm, (arm,))
        return _calls_by_outcome(each for each in self.all_counted() if each.labels.arm in arms)

    def seconds(self, selector: Selector, span: Span | None = None) -> float:
        """How long the selected part of the run lasted: the denominator of rates."""
        stage = selector.labels.get("stage")
        judged = [s for s in self._stages if (s.name == stage if stage is not None else not s.is_warmup)]
        if span is None:
            return sum(s.end_s - s.start_s for s in judged)
        inside = (min(s.end_s, span.end_s) - max(s.start_s, span.start_s) for s in judged)
        return sum(seconds for seconds in inside if seconds > 0)

    def read(
        self, metric: str, aggregation: Aggregation, selector: Selector, span: Span | None = None
    ) -> Reading:
        """One figure; absent, with the reason, when nothing was measured."""
        kind = METRICS[metric].kind
        if metric in INJECTION_TIMES:
            return injection_reading(metric, self._injections(selector, span), aggregation)
        if METRICS[metric].is_monitored and kind in (Kind.COUNTER, Kind.SHARE):
            spans = self._judged_parts(selector, span)
            return read_monitored(METRICS[metric], aggregation, self.samples, spans)
        if kind in (Kind.TIME, Kind.AMOUNT):
            return of_histogram(self.histogram(metric, selector, span), aggregation)
        if kind is Kind.DIFFERENCE:
            both = self.parts(PAIRED[metric], Selector({**selector.labels, "arm": ANY_ARM}), span)
            quantile = aggregation.quantile
            assert quantile is not None, "a difference has no other figure"
            return paired_difference(both, quantile)
        if kind is Kind.DRIFT:
            return self._drift(DRIFTS[metric], selector, span)
        if kind is Kind.SHARE:
            return read_share(self, metric, selector, span)
        if kind is Kind.GAUGE:
            return of_samples(self._judged(metric, selector, span), aggregation, METRICS[metric])
        name = _RATES.get(metric, metric)
        count = self.count(name, selector, span)
        samples = int(self.count(PLANNED_STARTS if metric in OF_STARTS else "requests", selector, span))
        if metric in OF_STARTS and not samples:
            return Reading.absent(NOTHING_DUE)
        if kind is Kind.COUNTER and aggregation.name == "count":
            return Reading.exact(count, samples)
        seconds = self.seconds(selector, span)
        if seconds <= 0:
            return Reading.absent("no time passed in the selected stages", samples)
        return Reading.exact(count / seconds, samples)

    def _judged_parts(self, selector: Selector, span: Span | None) -> list[Span]:
        """The judged stages, as far as they lie in the span; a run without stages is one."""
        whole = Span(-math.inf, math.inf) if span is None else span
        if not self._stages:
            return [whole]
        parts = judged_spans(self._stages, selector.labels.get("stage"))
        cut = (Span(max(p.start_s, whole.start_s), min(p.end_s, whole.end_s)) for p in parts)
        return [part for part in cut if part.start_s < part.end_s]

    def _drift(self, time: str, selector: Selector, span: Span | None) -> Reading:
        spans = judged_spans(self._stages, selector.labels.get("stage"), span.end_s if span else math.inf)
        if "outcome" not in selector.labels:
            selector = Selector({**selector.labels, "outcome": SUCCESS})
        points, calls = points_of_times(self.select(selector, span), time, spans, self.width_s)
        return read_drift(points, calls, sum(one.end_s - one.start_s for one in spans))

    def _judged(self, gauge: str, selector: Selector, span: Span | None) -> list[Sample]:
        samples = self.samples.of(gauge)
        return [
            sample
            for part in self._judged_parts(selector, span)
            for sample in samples
            if part.start_s <= sample.at_s < part.end_s
        ]

    def _injections(self, selector: Selector, span: Span | None) -> list[Injection]:
        """Those that lie there."""
        stage = selector.labels.get("stage")
        spans = [s for s in self._stages if (s.name == stage if stage is not None else not s.is_warmup)]
        return [
            injection
            for injection in self.injections
            if any(s.start_s <= injection.at_s < s.end_s for s in spans)
            and (span is None or span.start_s <= injection.at_s < span.end_s)
        ]

    def counted(self, selector: Selector, span: Span | None = None) -> Iterator[Counted]:
        """The counters of each series that matches."""
        intervals = self._intervals_of(span)
        return (Counted(labels, row.counts(intervals)) for _, labels, row in self._matching(selector))

    def all_counted(self) -> Iterator[Counted]:
        """The counters of each series of the whole run, warm-ups included."""
        return (Counted(labels, row.counts(None)) for (_, labels), row in self._rows.items())

    def checks(self, selector: Selector, span: Span | None = None) -> dict[str, tuple[int, int]]:
        """Name of each check → how many calls met it, and of how many it was asked."""
        found: dict[str, tuple[int, int]] = {}
        for _, own in self.counted(selector, span):
            for name, count in own.items():
                kind, _, check = name.partition("/")
                if kind in (CHECK_MET, CHECK_ASKED):
                    met, asked = found.get(check, (0, 0))
                    more = int(count)
                    found[check] = (met + more, asked) if kind == CHECK_MET else (met, asked + more)
        return found


def _calls_by_outcome(counted: Iterable[Counted]) -> dict[str, float]:
    found: dict[str, float] = {}
    for labels, own in counted:
        outcome = labels.outcome
        if outcome:
            found[outcome] = found.get(outcome, 0) + own.get("calls", 0)
    return found
