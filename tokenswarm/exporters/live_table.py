"""The rows of the LLM tab in Locust's web UI: one table, because that is what it can show. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tokenswarm.metrics.call import FAILURES
from tokenswarm.metrics.catalogue import METRICS, MONITORED_SHARES
from tokenswarm.metrics.health_limits import LATE_TIMERS, LIMITS
from tokenswarm.metrics.histogram import Histogram
from tokenswarm.metrics.monitored import monitored_times
from tokenswarm.metrics.source import Aggregation, Selector, Span
from tokenswarm.metrics.standing import ENDED, Standing
from tokenswarm.metrics.thresholds import Status, ThresholdResult
from tokenswarm.metrics.units import format_figure, quantity_of

# As Locust's page wants them: `key` of a row's value, and the column's title. None is called `name`: the page
# would sort the rows by it, and mix the parts.
COLUMNS: Final = (
    ("part", "Part"),
    ("what", "What"),
    ("now", "Last 5\N{NO-BREAK SPACE}s"),
    ("so_far", "So far"),
    ("p50", "p50"),
    ("p95", "p95"),
    ("p99", "p99"),
    ("samples", "Samples"),
    ("state", "State"),
)
_TIMES: Final = ("ttft", "latency", "effective_latency", "icl", "overhead", "overhead_ttft")
_RATES: Final = {"request_rate": "calls/s", "output_tokens_rate": "tokens/s"}
_SHARES: Final = ("error_rate", "cache_hit_rate", "fallback_rate", "goodput")
_QUANTILES: Final = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
_VALUE: Final = Aggregation("value")
_P95: Final = Aggregation("p", 95)
_EVERYTHING: Final = Selector()
_STATES: Final = {
    Status.PASS: "holds",
    Status.WARN: "warning",
    Status.FAIL: "BROKEN",
    Status.INCONCLUSIVE: "not known yet",
    Status.NOT_MEASURED: "not measured",
}
# The gravest first.
_BUSY: Final = (("generator_cpu", "too busy"), ("generator_cpu_peak", "nearly too busy"))
_MILLISECONDS: Final = 1000.0
_NARROW: Final = "\N{NO-BREAK SPACE}"  # columns are narrow: a figure and its unit stay together

Row = dict[str, str]


def rows_of(standing: Standing) -> list[Row]:
    """All figures of judged calls so far; what was not measured has no row."""
    return [
        *_run(standing),
        *_times(standing),
        *_traffic(standing),
        *_errors(standing),
        *_thresholds(standing),
        *_target(standing),
        *_generators(standing),
    ]


def _run(standing: Standing) -> Iterator[Row]:
    # Calls in flight at the end are waited for, and without a profile nobody knows how long it will be.
    has_end = standing.elapsed_s <= standing.total_s
    at = f"{standing.elapsed_s:.0f}" + (f" of {standing.total_s:.0f} s" if has_end else " s")
    if standing.state == ENDED:
        at = ""  # time goes on, the run doesn't
    stage = f"{standing.state}, stage {standing.stage}" if standing.stage else standing.state
    yield _row("Run", f"{standing.profile} against {standing.target}", so_far=at, state=stage)


def _times(standing: Standing) -> Iterator[Row]:
    for name in _TIMES:
        histogram = standing.totals.histogram(name, _EVERYTHING)
        if not histogram.count:
            continue
        recent = standing.recent.read(name, _P95, _EVERYTHING).value
        quantiles = {
            key: _ms(histogram.quantile(q)) for key, q in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
        }
        now = "" if recent is None or standing.state == ENDED else f"p95{_NARROW}{_ms(recent)}"
        yield _row("Times", name, now=now, samples=str(histogram.count), **quantiles)


def _traffic(standing: Standing) -> Iterator[Row]:
    calls = standing.totals.count("requests", _EVERYTHING)
    until_now = Span(0, standing.elapsed_s)
    for name, unit in _RATES.items():
        value = standing.recent.read(name, _VALUE, _EVERYTHING).value
        now = "" if standing.state == ENDED else f"{value or 0:.1f}{_NARROW}{unit}"
        mean = standing.totals.read(name, _VALUE, _EVERYTHING, until_now).value
        so_far = "" if mean is None else f"{mean:.1f}{_NARROW}{unit}"
        yield _row("Traffic", name, now=now, so_far=so_far, samples=f"{calls:.0f}")
    for name in _SHARES:
        reading = standing.totals.read(name, Aggregation("rate"), _EVERYTHING)
        if reading.value is not None:
            yield _row("Traffic", name, so_far=f"{reading.value:.2%}", samples=str(reading.samples))


def _errors(standing: Standing) -> Iterator[Row]:
    outcomes = standing.totals.outcomes(_EVERYTHING)
    for name in FAILURES:
        if count := outcomes.get(name):
            yield _row("Errors", name, samples=f"{count:.0f}")


def _thresholds(standing: Standing) -> Iterator[Row]:
    for result in standing.thresholds:
        yield _row(
            "Thresholds",
            result.threshold.text,
            so_far=_value(result),
            samples=str(result.samples),
            state=_STATES[result.status],
        )


def _target(standing: Standing) -> Iterator[Row]:
    """What monitors read of it; nothing without monitors."""
    for monitor in standing.monitors:
        if monitor.problem:
            yield _row("Target", f"{monitor.name}: {monitor.problem}", state="NOT READ")
        for name, value in monitor.gauges.items():
            yield _row("Target", name, now=_figure(name, value, "value"))
        for name, value in monitor.counters.items():
            per_s = monitor.per_s.get(name)
            now = "" if per_s is None else _figure(name, per_s, "rate")
            yield _row("Target", name, now=now, so_far=_figure(name, value, "count"))
    for name in MONITORED_SHARES if standing.monitors else ():
        reading = standing.totals.read(name, Aggregation("rate"), _EVERYTHING)
        if reading.value is not None:
            yield _row("Target", name, so_far=f"{reading.value:.2%}", samples=str(reading.samples))
    for name in monitored_times(standing.totals):
        histogram = standing.totals.histogram(name, _EVERYTHING)
        if histogram.count:
            quantiles = {key: _ms(histogram.quantile(q)) for key, q in _QUANTILES}
            yield _row("Target", name, samples=str(histogram.count), **quantiles)


def _figure(name: str, value: float, aggregation: str) -> str:
    return format_figure(value, quantity_of(METRICS[name], aggregation))


def _generators(standing: Standing) -> Iterator[Row]:
    lag = standing.totals.histogram("generator_lag", _EVERYTHING)
    if lag.count:
        quantiles = {key: _ms(lag.quantile(q)) for key, q in _QUANTILES}
        yield _row("Load generator", "lag", samples=str(lag.count), state=_late(lag), **quantiles)
    for worker in standing.workers:
        state = "LOST" if worker.is_lost else ""
        cores = ""
        if worker.cores is not None:
            cores = f"{worker.cores:.0%} of a core"
            state = state or _busy(worker.cores)
        yield _row("Load generator", worker.name, now=cores, samples=str(worker.calls), state=state)
    if standing.sockets:
        yield _row("Load generator", METRICS["ws_open"].definition, now=str(standing.sockets))


def _busy(cores: float) -> str:
    return next((word for name, word in _BUSY if cores >= LIMITS[name].value), "ok")


def _late(lag: Histogram) -> str:
    limit_s, p99_s = LIMITS["generator_lag"].value, lag.quantile(0.99)
    # As the report will see it: one hiccup is no reason to distrust a run.
    is_late = p99_s is not None and p99_s > limit_s and lag.above(limit_s) >= LATE_TIMERS
    return "too late" if is_late else "ok"


def _row(part: str, what: str, **figures: str) -> Row:
    return {**{key: "" for key, _ in COLUMNS}, "part": part, "what": what, **figures}


def _value(result: ThresholdResult) -> str:
    return "" if result.value is None else format_figure(result.value, result.threshold.quantity)


def _ms(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds * _MILLISECONDS:.1f}{_NARROW}ms"
