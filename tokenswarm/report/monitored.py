"""What monitors read of the target: its tracks in the timeline, and whether they could be relied on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tokenswarm.metrics.catalogue import METRICS, Kind, Metric
from tokenswarm.metrics.histogram import Histogram
from tokenswarm.metrics.measurements import Measurements
from tokenswarm.metrics.monitored import is_monitored, monitored_times
from tokenswarm.metrics.thresholds import Threshold
from tokenswarm.report.figures import since_start, whole
from tokenswarm.report.run_folder import Run
from tokenswarm.report.run_lines import RunEvent
from tokenswarm.report.summary import Check, Track

PREFIX: Final = "monitored:"  # of the keys of charts that not every run has
_MOST_CHARTS: Final = 40
_QUANTILES: Final = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
# They have charts of their own, or are the same curve on another scale.
_DRAWN_ELSEWHERE: Final = frozenset({"target_cpu", "target_memory", "target_cores"})
_SCALES: Final = {"B": 1e-6, "share": 100.0}
_UNITS: Final = {"B": "MB", "share": "%"}


def chart_of(name: str) -> str:
    """The key of a monitored metric's chart."""
    return f"{PREFIX}{name}"


def scale_of(metric: Metric) -> float:
    """From base units to the chart's."""
    return 1000.0 if metric.kind is Kind.TIME else _SCALES.get(metric.unit, 1.0)


def unit_of(metric: Metric) -> str:
    """The chart's unit."""
    if metric.kind is Kind.TIME:
        return "ms"
    unit = _UNITS.get(metric.unit, "")
    return f"{unit}/s" if metric.kind is Kind.COUNTER else unit


def is_on_chart(threshold: Threshold) -> bool:
    """Whether a line's limit is of the same dimension as the curve of its metric."""
    kind, aggregation = METRICS[threshold.subject.metric].kind, threshold.aggregation
    if kind is Kind.TIME:
        return aggregation.quantile is not None
    if kind is Kind.COUNTER:
        return aggregation.name == "rate"
    return kind is Kind.GAUGE and aggregation.name != "slope"


def monitored_tracks(measurements: Measurements, indices: range) -> Iterator[Track]:
    """Every monitored series: gauges as they were, counters by the second, times by their percentiles."""
    names = [
        name for name in measurements.samples.names if is_monitored(name) and name not in _DRAWN_ELSEWHERE
    ]
    for name in names[:_MOST_CHARTS]:
        metric = METRICS[name]
        found = (_growth if metric.kind is Kind.COUNTER else _last)(measurements, name)
        values = (found.get(i) for i in indices)
        scale = scale_of(metric)
        shown = tuple(None if value is None else round(value * scale, 4) for value in values)
        # A preset's counter that never grew is no news.
        if any(shown if metric.kind is Kind.COUNTER else (value is not None for value in shown)):
            yield Track(chart_of(name), name, shown)
    yield from _times(measurements, indices)


def _last(measurements: Measurements, name: str) -> dict[int, float]:
    return measurements.samples.last_of_each(name, measurements.width_s)


def _growth(measurements: Measurements, name: str) -> dict[int, float]:
    """By the second, over the time since the sample before."""
    found: dict[int, float] = {}
    before_s: dict[str, float] = {}
    for sample in measurements.samples.of(name):
        seconds = sample.at_s - before_s.get(sample.source, sample.at_s)
        before_s[sample.source] = sample.at_s
        if seconds > 0:
            # Drawn in the middle of the time that it is about.
            middle_s = sample.at_s - seconds / 2
            found[int(max(middle_s, 0.0) / measurements.width_s)] = sample.value / seconds
    return found


def _times(measurements: Measurements, indices: range) -> Iterator[Track]:
    names = monitored_times(measurements)[:_MOST_CHARTS]
    found: dict[tuple[str, int], Histogram] = {}
    for key, series in measurements.each():
        for name in names:
            if name in series.values:
                found.setdefault((name, key.interval), Histogram()).merge(series.values[name])
    for name in names:
        for label, quantile in _QUANTILES:
            values = (found[name, i].quantile(quantile) if (name, i) in found else None for i in indices)
            shown = tuple(None if value is None else round(value * 1000, 3) for value in values)
            yield Track(chart_of(name), label, shown)


def monitor_checks(run: Run) -> Iterator[Check]:
    """How each monitor did. None makes a run invalid: what it gives is beside what we measure."""
    ended = {str(e.details.get("monitor")): e for e in run.events if e.name == "monitor_ended"}
    failed = [e for e in run.events if e.name == "monitor_failed"]
    good = [label for label, event in ended.items() if not _trouble(event)]
    for label, event in ended.items():
        if label not in good:
            yield Check("monitor", "warning", f"{label}: {_trouble(event)}{_when(label, failed)}")
    for label in run.facts.target.get("monitors", ()):
        if label not in ended:
            yield Check("monitor", "warning", f"{label}: how it did is not known{_when(label, failed)}")
    yield from _flame_graph(run)
    if good:
        yield Check("monitors", "good", f"read throughout: {', '.join(good)}")


def _flame_graph(run: Run) -> Iterator[Check]:
    details = run.facts.flame_graph
    if not details:
        return
    tool, stage = details.get("tool"), details.get("stage")
    if details.get("problem"):
        yield Check("flame graph", "warning", f"{tool}: {details['problem']}")
        return
    text = (
        f"{details.get('file')}: {tool} took {whole(int(details.get('samples', 0)))} samples of the target in"
        f" stage {stage}; what that cost the target is in its figures there"
    )
    yield Check("flame graph", "note", text)


def _trouble(event: RunEvent) -> str:
    """What was wrong with a monitor, if anything was."""
    details = event.details
    readings, failures = int(details.get("readings", 0)), int(details.get("failed", 0))
    said = []
    if failures or not readings:
        problem = details.get("problem") or "it was never read"
        said.append(f"{failures} of {readings} readings failed: {problem}" if readings else str(problem))
    said += [str(note) for note in details.get("notes", ())]
    unseen = details.get("unseen", ())
    if unseen:
        said.append(f"never found: {', '.join(map(str, unseen))}")
    return "; ".join(said)


def _when(label: str, failed: list[RunEvent]) -> str:
    first = next((event for event in failed if event.details.get("monitor") == label), None)
    return "" if first is None else f" (first at {since_start(max(first.at_s, 0.0))})"
