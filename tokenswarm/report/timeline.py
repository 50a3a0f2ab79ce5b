"""What happened when: rates, users and percentiles of each interval, and the limits that lie over them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from tokenswarm.metrics.call import CACHE_ARMS, EXPECTED, FAILURES, INTERRUPTED, PROVIDER, SUCCESS
from tokenswarm.metrics.catalogue import METRICS
from tokenswarm.metrics.histogram import Histogram
from tokenswarm.metrics.interval import MOST_INTERVALS
from tokenswarm.metrics.measurements import Measurements
from tokenswarm.metrics.series import PLANNED_STARTS
from tokenswarm.metrics.source import Aggregation, Selector, Span
from tokenswarm.metrics.threshold_windows import judged_spans
from tokenswarm.metrics.thresholds import Level, Status, Threshold, ThresholdResult
from tokenswarm.metrics.units import format_figure
from tokenswarm.report.monitored import chart_of, is_on_chart, monitored_tracks, scale_of
from tokenswarm.report.run_folder import Run
from tokenswarm.report.summary import LimitLine, Mark, Timeline, Track

if TYPE_CHECKING:
    import pandas as pd

_STANDS: Final = 2  # intervals for which a sample stands, if none follows
_PERCENTILES: Final = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
_DRAWN: Final = ("latency", "ttft")
# metric → the chart that its limits belong on, and the factor from base units to the chart's
_CHARTS: Final = {
    "latency": ("latency", 1000.0),
    "ttft": ("ttft", 1000.0),
    "request_rate": ("calls", 1.0),
    "cache_hit_rate": ("cache", 100.0),
    "output_tokens_rate": ("tokens", 1.0),
    "target_cpu": ("target_cpu", 100.0),
    "target_memory": ("memory", 1e-6),
}
_SEVERITIES: Final = {Status.WARN: "warn", Status.FAIL: "fail"}


def timeline_of(run: Run, results: Sequence[ThresholdResult]) -> Timeline | None:
    """The run interval by interval, warm-ups included; None if nothing was measured."""
    measurements = run.measurements
    calls, times = _by_interval(measurements)
    planned = _planned(measurements)
    users = measurements.samples.last_of_each("users", measurements.width_s)
    if not calls:
        return None
    indices = range(max((*calls, *users, *planned)) + 1)
    width_s = measurements.width_s
    tracks = [
        Track("calls", "calls/s", _rates(calls, indices, width_s, (SUCCESS, EXPECTED, *FAILURES))),
        Track("calls", "failed/s", _rates(calls, indices, width_s, FAILURES)),
    ]
    if planned:
        tracks.append(Track("calls", "planned calls/s", _per_second(planned, indices, width_s)))
    direct = _provider_calls(measurements)
    if direct:
        tracks.append(Track("calls", "provider calls/s", _per_second(direct, indices, width_s)))
    if users:
        tracks.append(Track("users", "users", _filled([users.get(i) for i in indices])))
    for metric in _DRAWN:
        for name, quantile in _PERCENTILES:
            values = [_quantile_ms(times.get((metric, i)), quantile) for i in indices]
            if any(value is not None for value in values):
                tracks.append(Track(metric, name, tuple(values)))
    tracks += _providers(measurements, indices)
    tracks += _cache(measurements, indices)
    tracks += _tokens(measurements, indices)
    tracks += _generator(measurements, indices)
    tracks += _target(measurements, indices)
    tracks += monitored_tracks(measurements, indices)
    tracks += _websockets(measurements, indices)
    failed = {outcome for by_outcome in calls.values() for outcome in by_outcome} & set(FAILURES)
    tracks += [
        Track("errors", outcome, _rates(calls, indices, width_s, (outcome,)))
        for outcome in FAILURES
        if outcome in failed
    ]
    return Timeline(
        width_s,
        tuple(round(i * width_s, 3) for i in indices),
        _without_calm_failures(tracks),
        tuple(_limits(measurements, [result.threshold for result in results])),
        tuple(_marks(run)),
    )


def _marks(run: Run) -> Iterator[Mark]:
    if run.aborted is not None:
        yield Mark(run.aborted.at_s, "aborted", str(run.aborted.details.get("detail", "")))
    for injection in run.measurements.injections:
        happening = injection.happening
        yield Mark(happening.at_s, happening.name, happening.did)


def timeline_of_history(history: pd.DataFrame | None) -> Timeline | None:
    """Rate and users of a Locust run. Its percentiles add up from the start, so they are no timeline."""
    if history is None or len(history) < 3:
        return None
    start_s, end_s = float(history["Timestamp"].iloc[0]), float(history["Timestamp"].iloc[-1])
    width_s = max(1.0, math.ceil((end_s - start_s) / MOST_INTERVALS))
    # Counts add up from the start, so the last row of an interval says what there was until then.
    history = history.groupby((history["Timestamp"] - start_s) // width_s, as_index=False).last()
    at_s = history["Timestamp"] - start_s
    # Locust's own "Requests/s" is a mean of ten seconds and 0 in the first ones; counts are exact.
    passed = at_s.diff()
    tracks = [Track("calls", "calls/s", _numbers(history["Total Request Count"].diff() / passed))]
    failures = history["Total Failure Count"].diff() / passed
    if failures.gt(0).any():
        tracks.append(Track("calls", "failed/s", _numbers(failures)))
    tracks.append(Track("users", "users", _numbers(history["User Count"])))
    return Timeline(width_s, tuple(float(at) for at in at_s), tuple(tracks), ())


def _numbers(column: pd.Series[float]) -> tuple[float | None, ...]:
    # A worker that reports late, or statistics that were reset, can make a count step back. And nothing holds
    # of NaN.
    return tuple(round(float(value), 4) if value >= 0 else None for value in column)


def _by_interval(
    measurements: Measurements,
) -> tuple[dict[int, dict[str, float]], dict[tuple[str, int], Histogram]]:
    calls: dict[int, dict[str, float]] = {}
    times: dict[tuple[str, int], list[Histogram]] = {}
    for key, series in measurements.each():
        outcome = key.labels.outcome
        if not outcome or outcome == INTERRUPTED or key.labels.arm == PROVIDER:
            continue
        by_outcome = calls.setdefault(key.interval, {})
        by_outcome[outcome] = by_outcome.get(outcome, 0) + series.counts.get("calls", 0)
        if outcome != SUCCESS:
            continue
        for metric in _DRAWN:
            histogram = series.values.get(metric)
            if histogram is not None:
                times.setdefault((metric, key.interval), []).append(histogram)
    return calls, {key: Histogram.merged(found) for key, found in times.items()}


def _planned(measurements: Measurements) -> dict[int, float]:
    """Calls that were due in each interval; empty in the closed model."""
    planned: dict[int, float] = {}
    for key, series in measurements.each():
        if PLANNED_STARTS in series.counts:
            planned[key.interval] = planned.get(key.interval, 0) + series.counts[PLANNED_STARTS]
    return planned


def _provider_calls(measurements: Measurements) -> dict[int, float]:
    """Calls of the paired arm that ended in each interval; empty without one."""
    calls: dict[int, float] = {}
    for key, series in measurements.each():
        if key.labels.arm == PROVIDER and key.labels.outcome != INTERRUPTED:
            calls[key.interval] = calls.get(key.interval, 0) + series.counts.get("calls", 0)
    return calls


def _providers(measurements: Measurements, indices: range) -> Iterator[Track]:
    """Calls that each provider behind the gateway answered; nothing where there was only one."""
    calls: dict[str, dict[int, float]] = {}
    for key, series in measurements.each():
        labels = key.labels
        if not labels.provider or labels.arm == PROVIDER or labels.outcome == INTERRUPTED:
            continue
        by_interval = calls.setdefault(labels.provider, {})
        by_interval[key.interval] = by_interval.get(key.interval, 0) + series.counts.get("calls", 0)
    if len(calls) < 2:
        return
    for name, by_interval in sorted(calls.items(), key=lambda one: -sum(one[1].values())):
        yield Track("providers", name, _per_second(by_interval, indices, measurements.width_s))


def _generator(measurements: Measurements, indices: range) -> Iterator[Track]:
    """Lag and CPU of the load generator, the busiest process of each interval; nothing without a lag."""
    lags: dict[int, Histogram] = {}
    for key, series in measurements.each():
        if "generator_lag" in series.values:
            lags.setdefault(key.interval, Histogram()).merge(series.values["generator_lag"])
    if not lags:
        return
    yield Track("generator", "lag p99", tuple(_quantile_ms(lags.get(i), 0.99) for i in indices))
    cpu: dict[int, float] = {}
    for sample in measurements.samples.of("generator_cpu"):
        i = int(sample.at_s / measurements.width_s)
        cpu[i] = max(cpu.get(i, 0.0), round(sample.value * 100, 1))
    if cpu:
        yield Track("generator_cpu", "generator CPU", _filled([cpu.get(i) for i in indices]))


def _cache(measurements: Measurements, indices: range) -> Iterator[Track]:
    """The share of answers from a cache, in percent, of all calls and of each arm that tries the cache.

    Nothing where the run can't tell hits from misses.
    """
    if measurements.read("cache_hit_rate", Aggregation("rate"), Selector()).value is None:
        return
    hits: Counter[tuple[str, int]] = Counter()
    told: Counter[tuple[str, int]] = Counter()
    for key, series in measurements.each():
        labels = key.labels
        if labels.cache not in ("hit", "miss") or labels.arm == PROVIDER:
            continue
        calls = series.counts.get("calls", 0)
        for name in {"hits", labels.cache_arm or "hits"}:
            told[name, key.interval] += int(calls)
            hits[name, key.interval] += int(calls) * (labels.cache == "hit")
    known = {name for name, _ in told}
    for name in ("hits", *CACHE_ARMS):
        if name in known:
            shares = (100 * hits[name, i] / told[name, i] if told[name, i] else None for i in indices)
            yield Track("cache", name, tuple(None if one is None else round(one, 2) for one in shares))


def _tokens(measurements: Measurements, indices: range) -> Iterator[Track]:
    """Tokens of the calls that ended in each interval; nothing where none were told."""
    for count, name in (("output_tokens", "output tokens/s"), ("input_tokens", "input tokens/s")):
        found: dict[int, float] = {}
        for key, series in measurements.each():
            if series.counts.get(count) and key.labels.arm != PROVIDER:
                found[key.interval] = found.get(key.interval, 0) + series.counts[count]
        if found:
            yield Track("tokens", name, _per_second(found, indices, measurements.width_s))


# sample → chart, name, and its factor to the chart's unit
_SAMPLED: Final = (
    ("target_cpu", "target_cpu", "target CPU", 100.0),
    ("target_memory", "memory", "target memory", 1e-6),
)


def _target(measurements: Measurements, indices: range) -> Iterator[Track]:
    """CPU and memory of the target, the last sample of each interval; nothing where it wasn't sampled."""
    for sample, chart, name, factor in _SAMPLED:
        found = measurements.samples.last_of_each(sample, measurements.width_s)
        if found:
            scaled = {i: round(value * factor, 3) for i, value in found.items()}
            yield Track(chart, name, _filled([scaled.get(i) for i in indices]))


def _websockets(measurements: Measurements, indices: range) -> Iterator[Track]:
    """Connections that are open, and messages that come on them; nothing for a target asked by HTTP."""
    opened = measurements.samples.last_of_each("ws_open", measurements.width_s)
    if not opened:
        return
    yield Track("websockets", "open", _filled([opened.get(i) for i in indices]))
    messages: dict[int, float] = {}
    for key, series in measurements.series.items():
        messages[key.interval] = messages.get(key.interval, 0) + series.counts.get("ws_messages", 0)
    yield Track("ws_messages", "messages/s", _per_second(messages, indices, measurements.width_s))


def _rates(
    calls: dict[int, dict[str, float]], indices: range, width_s: float, outcomes: Sequence[str]
) -> tuple[float, ...]:
    return tuple(
        round(sum(calls.get(i, {}).get(outcome, 0) for outcome in outcomes) / width_s, 4) for i in indices
    )


def _per_second(counts: dict[int, float], indices: range, width_s: float) -> tuple[float, ...]:
    return tuple(round(counts.get(i, 0) / width_s, 4) for i in indices)


def _quantile_ms(histogram: Histogram | None, quantile: float) -> float | None:
    value = None if histogram is None else histogram.quantile(quantile)
    return None if value is None else round(value * 1000, 3)


def _filled(values: list[float | None]) -> tuple[float | None, ...]:
    """A sample stands for a moment: one taken late is no gap, and a dead process did not go on."""
    filled: list[float | None] = []
    for i, value in enumerate(values):
        recent = (one for one in reversed(values[max(0, i - _STANDS) : i + 1]) if one is not None)
        filled.append(value if value is not None else next(recent, None))
    return tuple(filled)


def _without_calm_failures(tracks: list[Track]) -> tuple[Track, ...]:
    """No line for failures where there were none."""
    return tuple(track for track in tracks if track.name != "failed/s" or any(track.values))


def _limits(measurements: Measurements, thresholds: Sequence[Threshold]) -> Iterator[LimitLine]:
    """Limits of lines about all calls; a limit for one size of prompt says nothing of the whole's curve."""
    for threshold in thresholds:
        subject = threshold.subject
        if _place_of(threshold) is None or {name for name, _ in subject.labels} - {"stage"}:
            continue
        if subject.metric in _DRAWN and threshold.aggregation.quantile is None:
            continue
        for span in judged_spans(measurements.stages, subject.stage):
            for level in threshold.levels:
                yield _limit_line(threshold, level, span)


def _place_of(threshold: Threshold) -> tuple[str, float] | None:
    """The chart that a line's limit belongs on, and the factor from base units; None if there is none."""
    if threshold.aggregation.name == "slope":
        return None
    metric = METRICS[threshold.subject.metric]
    if metric.name in _CHARTS:
        return _CHARTS[metric.name]
    is_drawn = metric.is_monitored and is_on_chart(threshold)
    return (chart_of(metric.name), scale_of(metric)) if is_drawn else None


def _limit_line(threshold: Threshold, level: Level, span: Span) -> LimitLine:
    place = _place_of(threshold)
    assert place is not None, "only a line with a chart has a limit there"
    chart, factor = place
    limit = level.limit(threshold.subject)
    expression = level.expression
    quantile = threshold.aggregation.quantile
    figure = f"p{quantile * 100:g} " if quantile is not None else ""
    text = str(expression.limit) if expression.limit.unit else format_figure(limit, threshold.quantity)
    name = f"{figure}{expression.operator} {text}"
    return LimitLine(chart, name, _SEVERITIES[level.on_breach], limit * factor, span.start_s, span.end_s)
