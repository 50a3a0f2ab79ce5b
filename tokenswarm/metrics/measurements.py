"""All that a run measured, merged: deltas go in, figures come out. Live on the master and offline alike."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tokenswarm.metrics.call import EXPECTED, FAILURES, GATEWAY, INTERRUPTED, PROVIDER, SUCCESS
from tokenswarm.metrics.catalogue import METRICS, OF_STARTS, Kind
from tokenswarm.metrics.histogram import Histogram
from tokenswarm.metrics.series import Delta, Fault, FaultKey, Series, SeriesKey, add_fault
from tokenswarm.metrics.source import Aggregation, Reading, Selector, Span, StageSpan

ANY_OUTCOME: Final = "all"
ANY_ARM: Final = "all"
# Label-less counts of the profile's checks are named KIND/NAME OF THE CHECK.
CHECK_MET: Final = "check_met"
CHECK_ASKED: Final = "check_asked"
_NOTHING_DUE: Final = "no call was due by a schedule: only open arrivals have one"

# share → the outcomes that count as its numerator; the denominator is always all that ended.
_SHARES: Final[Mapping[str, frozenset[str]]] = {
    "success_rate": frozenset({SUCCESS, EXPECTED}),
    "error_rate": frozenset(FAILURES),
    "rate_limited_rate": frozenset({"rate_limited"}),
    "availability": frozenset({SUCCESS, EXPECTED, "http_4xx", "rate_limited", "malformed", "empty"}),
}
# Starts that the schedule had due, dropped ones included: counted by the open model only.
PLANNED_STARTS: Final = "planned_starts"
# rate → the count it divides by seconds
_RATES: Final[Mapping[str, str]] = {
    "request_rate": "requests",
    "offered_rate": PLANNED_STARTS,
    "output_tokens_rate": "output_tokens",
    "input_tokens_rate": "input_tokens",
}


@dataclass(frozen=True, slots=True)
class Sample:
    """A gauge read at one time from one place: `users` from the master, CPU from each worker."""

    at_s: float
    source: str
    name: str
    value: float


class Measurements:
    """Series by key, failures by message and gauge samples; `read` answers thresholds."""

    def __init__(self, stages: Sequence[StageSpan] = (), width_s: float = 1.0) -> None:
        self.width_s = width_s
        self.series: dict[SeriesKey, Series] = {}
        self.faults: dict[FaultKey, Fault] = {}
        self.samples: list[Sample] = []
        self._stages = tuple(stages)

    @property
    def stages(self) -> Sequence[StageSpan]:
        """The stages that ran."""
        return self._stages

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
            start_s = key.interval * delta.width_s
            own = key._replace(interval=math.floor(start_s / self.width_s + 1e-9))
            self.series.setdefault(own, Series()).merge(series)
        for fault_key, fault in delta.faults.items():
            add_fault(self.faults, fault_key, fault)

    def _coarsen(self, width_s: float) -> None:
        old, old_width_s = self.series, self.width_s
        self.series, self.width_s = {}, width_s
        for key, series in old.items():
            own = key._replace(interval=math.floor(key.interval * old_width_s / width_s + 1e-9))
            self.series.setdefault(own, Series()).merge(series)

    def select(self, selector: Selector, span: Span | None = None) -> Iterator[tuple[SeriesKey, Series]]:
        """The series that match; without `stage` no warm-ups, without `arm` none of the provider's."""
        wanted = dict(selector.labels)
        stage = wanted.pop("stage", None)
        if wanted.get("outcome") == ANY_OUTCOME:
            del wanted["outcome"]
        arm = wanted.pop("arm", GATEWAY)
        warmups = {s.name for s in self._stages if s.is_warmup} if stage is None else frozenset()
        first = last = None
        if span is not None:
            first = math.floor(span.start_s / self.width_s + 1e-9)
            last = math.ceil(span.end_s / self.width_s - 1e-9)
        for key, series in self.series.items():
            if first is not None and last is not None and not first <= key.interval < last:
                continue
            if key.stage in warmups or (stage is not None and key.stage != stage):
                continue
            # What belongs to no call has no arm, and is the gateway's: it is what the run is about.
            if arm != ANY_ARM and (key.labels.arm or GATEWAY) != arm:
                continue
            if all(getattr(key.labels, name) == value for name, value in wanted.items()):
                yield key, series

    def histogram(self, name: str, selector: Selector, span: Span | None = None) -> Histogram:
        """The merged histogram of one metric; of successful calls where the catalogue says so."""
        metric = METRICS[name]
        if metric.is_success_only and "outcome" not in selector.labels:
            selector = Selector({**selector.labels, "outcome": SUCCESS})
        found = (series.values.get(name) for _, series in self.select(selector, span))
        return Histogram.merged(histogram for histogram in found if histogram is not None)

    def count(self, name: str, selector: Selector, span: Span | None = None) -> float:
        """The sum of one counter. `requests` and `failures` leave interrupted calls out."""
        if name == "requests":
            return sum(self.outcomes(selector, span, without_interrupted=True).values())
        if name == "failures":
            ended = self.outcomes(selector, span, without_interrupted=True)
            return sum(count for outcome, count in ended.items() if outcome in FAILURES)
        if name == "interrupted":
            return self.outcomes(selector, span).get(INTERRUPTED, 0)
        return sum(series.counts.get(name, 0) for _, series in self.select(selector, span))

    def outcomes(
        self, selector: Selector, span: Span | None = None, *, without_interrupted: bool = False
    ) -> dict[str, float]:
        """Calls by outcome."""
        found = _calls_by_outcome(self.select(selector, span))
        if without_interrupted:
            found.pop(INTERRUPTED, None)
        return found

    def all_outcomes(self, arm: str = ANY_ARM) -> dict[str, float]:
        """Calls by outcome of the whole run, warm-ups included: what must agree with what others counted."""
        arms = {ANY_ARM: (GATEWAY, PROVIDER, "")}.get(arm, (arm,))
        return _calls_by_outcome(item for item in self.series.items() if item[0].labels.arm in arms)

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
        if kind in (Kind.TIME, Kind.AMOUNT):
            return _of_histogram(self.histogram(metric, selector, span), aggregation)
        if kind is Kind.SHARE:
            return self._share(metric, selector, span)
        if kind is Kind.GAUGE:
            return self._gauge(metric, aggregation, selector, span)
        name = _RATES.get(metric, metric)
        count = self.count(name, selector, span)
        samples = int(self.count(PLANNED_STARTS if metric in OF_STARTS else "requests", selector, span))
        if metric in OF_STARTS and not samples:
            return Reading.absent(_NOTHING_DUE)
        if kind is Kind.COUNTER and aggregation.name == "count":
            return Reading.exact(count, samples)
        seconds = self.seconds(selector, span)
        if seconds <= 0:
            return Reading.absent("no time passed in the selected stages", samples)
        return Reading.exact(count / seconds, samples)

    def _share(self, metric: str, selector: Selector, span: Span | None) -> Reading:
        if metric == "cache_hit_rate":
            return self._cache_hit_rate(selector, span)
        if metric == "check_rate":
            return self._check_rate(selector, span)
        if metric in OF_STARTS:
            return self._share_of_starts(metric, selector, span)
        outcomes = self.outcomes(selector, span, without_interrupted=True)
        ended = int(sum(outcomes.values()))
        if not ended:
            return Reading.absent("no call ended")
        if metric == "goodput":
            if not any("good" in series.counts for _, series in self.select(selector, span)):
                return Reading.absent("the SLO states no per-call objectives", ended)
            return Reading.exact(self.count("good", selector, span) / ended, ended)
        part = sum(count for outcome, count in outcomes.items() if outcome in _SHARES[metric])
        return Reading.exact(part / ended, ended)

    def _share_of_starts(self, metric: str, selector: Selector, span: Span | None) -> Reading:
        due = self.count(PLANNED_STARTS, selector, span)
        dropped = self.count("dropped_starts", selector, span)
        part, whole = (
            (dropped, due)
            if metric == "dropped_rate"
            else (self.count("late_starts", selector, span), due - dropped)
        )
        if not due:
            return Reading.absent(_NOTHING_DUE)
        if whole <= 0:
            return Reading.absent("every call that was due was dropped", int(due))
        return Reading.exact(part / whole, int(whole))

    def checks(self, selector: Selector, span: Span | None = None) -> dict[str, tuple[int, int]]:
        """Name of each check → how many calls met it, and of how many it was asked."""
        found: dict[str, tuple[int, int]] = {}
        for _, series in self.select(selector, span):
            for name, count in series.counts.items():
                kind, _, check = name.partition("/")
                if kind in (CHECK_MET, CHECK_ASKED):
                    met, asked = found.get(check, (0, 0))
                    more = int(count)
                    found[check] = (met + more, asked) if kind == CHECK_MET else (met, asked + more)
        return found

    def _check_rate(self, selector: Selector, span: Span | None) -> Reading:
        checks = self.checks(selector, span).values()
        asked = sum(asked for _, asked in checks)
        if not asked:
            return Reading.absent("the profile expects nothing that was asked of a call")
        return Reading.exact(sum(met for met, _ in checks) / asked, asked)

    def _cache_hit_rate(self, selector: Selector, span: Span | None) -> Reading:
        calls = {"hit": 0.0, "miss": 0.0}
        for key, series in self.select(selector, span):
            if key.labels.cache in calls:
                calls[key.labels.cache] += series.counts.get("calls", 0)
        known = sum(calls.values())
        if not known:
            return Reading.absent("no answer said whether it came from a cache")
        return Reading.exact(calls["hit"] / known, int(known))

    def _gauge(self, metric: str, aggregation: Aggregation, selector: Selector, span: Span | None) -> Reading:
        stage = selector.labels.get("stage")
        spans = [s for s in self._stages if (s.name == stage if stage is not None else not s.is_warmup)]
        points = [
            sample
            for sample in self.samples
            if sample.name == metric
            and (not self._stages or any(s.start_s <= sample.at_s < s.end_s for s in spans))
            and (span is None or span.start_s <= sample.at_s < span.end_s)
        ]
        if not points:
            return Reading.absent("no sample was taken")
        if aggregation.name == "slope":
            return _slope(points)
        if aggregation.name == "value":
            return Reading.exact(points[-1].value, len(points))
        histogram = Histogram()
        histogram.fold([point.value for point in points])
        return _of_histogram(histogram, aggregation)


def _calls_by_outcome(series: Iterable[tuple[SeriesKey, Series]]) -> dict[str, float]:
    found: dict[str, float] = {}
    for key, one in series:
        outcome = key.labels.outcome
        if outcome:
            found[outcome] = found.get(outcome, 0) + one.counts.get("calls", 0)
    return found


def _of_histogram(histogram: Histogram, aggregation: Aggregation) -> Reading:
    if not histogram.count:
        return Reading.absent("no sample")
    value: float | None
    if aggregation.name == "count":
        value = histogram.count
    elif aggregation.name == "avg":
        value = histogram.mean
    elif aggregation.name == "min":
        value = histogram.low
    elif aggregation.name == "max":
        value = histogram.high
    else:
        quantile = aggregation.quantile
        if quantile is None:
            raise ValueError(f"{aggregation} can't be read from a histogram")
        value = histogram.quantile(quantile)
    assert value is not None
    return Reading.exact(value, histogram.count)


def _slope(points: Sequence[Sample]) -> Reading:
    """Least squares, in units per second."""
    if len(points) < 2:
        return Reading.absent("a slope needs two samples", len(points))
    mean_t = sum(p.at_s for p in points) / len(points)
    mean_v = sum(p.value for p in points) / len(points)
    spread = sum((p.at_s - mean_t) ** 2 for p in points)
    if spread == 0:
        return Reading.absent("all samples were taken at one time", len(points))
    return Reading.exact(sum((p.at_s - mean_t) * (p.value - mean_v) for p in points) / spread, len(points))
