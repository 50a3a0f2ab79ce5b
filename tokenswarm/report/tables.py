"""The tables of a report: totals, spreads of times by group, stages and errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from tokenswarm.metrics.catalogue import METRICS, Kind
from tokenswarm.metrics.measurements import Measurements
from tokenswarm.metrics.monitored import monitored_times
from tokenswarm.metrics.series import Fault, FaultKey
from tokenswarm.metrics.source import Aggregation, Selector, Source
from tokenswarm.metrics.units import format_figure, quantity_of
from tokenswarm.report.figures import rate, ratio, share, usd, whole
from tokenswarm.report.run_folder import Run
from tokenswarm.report.summary import ErrorRow, ExpectedAnswer, Spread, StageRow, Total

# By these groups calls are compared: label → the table's word for it, values and their names.
_GROUPS: Final = (
    ("prompt", "prompt", (("short", "short"), ("medium", "medium"), ("long", "long"))),
    ("stream", "streaming", (("true", "streaming"), ("false", "not streaming"))),
)
_MOST_EXAMPLES: Final = 3
_FIGURES: Final = {
    "avg_ms": Aggregation("avg"),
    "min_ms": Aggregation("min"),
    "p50_ms": Aggregation("p", 50.0),
    "p90_ms": Aggregation("p", 90.0),
    "p95_ms": Aggregation("p", 95.0),
    "p99_ms": Aggregation("p", 99.0),
    "max_ms": Aggregation("max"),
}


def spread_of(
    source: Source, metric: str, group: str, name: str, labels: Mapping[str, str], *, is_warmup: bool = False
) -> Spread | None:
    """One row of a table of times; None where nothing was measured."""
    values = {}
    for key, figure in _FIGURES.items():
        reading = source.read(metric, figure, Selector(labels))
        values[key] = None if reading.value is None else round(reading.value * 1000, 3)
    if all(value is None for value in values.values()):
        return None
    count = source.read(metric, Aggregation("count"), Selector(labels)).samples
    return Spread(metric, group, name, count, **values, is_warmup=is_warmup)


def spreads_of(measurements: Measurements) -> tuple[Spread, ...]:
    """Every time that was measured, over all judged stages; latency and first token by group as well."""
    found: list[Spread | None] = []
    own = (METRICS[name] for name in monitored_times(measurements) if name not in set(METRICS))
    for metric in (*METRICS.values(), *own):
        if metric.kind is not Kind.TIME:
            continue
        found.append(spread_of(measurements, metric.name, "all", "all calls", {}))
        if metric.name not in ("latency", "ttft"):
            continue
        for label, group, values in _GROUPS:
            found += [spread_of(measurements, metric.name, group, name, {label: v}) for v, name in values]
        found += [
            spread_of(measurements, metric.name, "stage", s.name, {"stage": s.name}, is_warmup=s.is_warmup)
            for s in measurements.stages
        ]
    return tuple(spread for spread in found if spread is not None)


def totals_of(source: Source, peak_users: float | None) -> tuple[Total, ...]:
    """The figures of the whole run that were measured."""
    return tuple(_totals(source, peak_users))


def _totals(source: Source, peak_users: float | None) -> Iterator[Total]:
    for metric, figure, what, shown, is_always in _TOTALS:
        reading = source.read(metric, Aggregation(figure), Selector())
        if reading.value is not None and (reading.value or is_always) and reading.low == reading.high:
            name = metric if figure != "rate" or METRICS[metric].kind is Kind.SHARE else f"{metric}_per_s"
            yield Total(name, what, reading.value, shown(reading.value))
    if peak_users is not None:
        yield Total("peak_users", "users at the peak", peak_users, whole(peak_users))


def stage_rows(run: Run) -> tuple[StageRow, ...]:
    """The stages that ran."""
    users = {stage.span.name: stage.users for stage in run.facts.stages}
    rows = []
    aborted = run.measurements.stages[-1:] if run.aborted is not None else ()
    for stage in run.measurements.stages:
        of_stage = Selector({"stage": stage.name})
        requests = run.measurements.read("requests", Aggregation("count"), of_stage)
        per_s = run.measurements.read("request_rate", Aggregation("value"), of_stage)
        errors = run.measurements.read("error_rate", Aggregation("rate"), of_stage)
        rows.append(
            StageRow(
                stage.name,
                stage.start_s,
                stage.end_s,
                stage.is_warmup,
                users[stage.name],
                int(requests.value or 0),
                per_s.value,
                errors.value,
                run.measurements.read("offered_rate", Aggregation("value"), of_stage).value,
                is_aborted=stage in aborted,
            )
        )
    return tuple(rows)


def expected_answers(measurements: Measurements, checks: Sequence[str]) -> tuple[ExpectedAnswer, ...]:
    """What became of the profile's checks, in its order; those that no call was asked are left out."""
    found = measurements.checks(Selector())
    return tuple(
        ExpectedAnswer(name, met, asked, met / asked)
        for name in checks
        for met, asked in (found.get(name, (0, 0)),)
        if asked
    )


def error_rows(faults: Mapping[FaultKey, Fault]) -> tuple[ErrorRow, ...]:
    """Failures by class and status, the commonest first."""
    groups: dict[tuple[str, int, str], list[tuple[FaultKey, Fault]]] = {}
    for key, fault in faults.items():
        groups.setdefault((key.outcome, key.status, key.arm), []).append((key, fault))
    total = sum(fault.count for fault in faults.values())
    rows = []
    for (outcome, status, arm), members in groups.items():
        members.sort(key=lambda member: (-member[1].count, member[0].message))
        count = sum(fault.count for _, fault in members)
        rows.append(
            ErrorRow(
                outcome,
                status,
                count,
                count / total,
                min(fault.first_s for _, fault in members),
                max(fault.last_s for _, fault in members),
                tuple(key.message for key, _ in members[:_MOST_EXAMPLES] if key.message),
                arm,
                next((fault.request_id for _, fault in members if fault.request_id), ""),
            )
        )
    return tuple(sorted(rows, key=lambda row: (-row.count, row.outcome, row.status, row.arm)))


def _bytes(value: float) -> str:
    return format_figure(value, quantity_of(METRICS["bytes_received"], "count"))


def _per_second(value: float) -> str:
    return f"{rate(value)}/s"


# metric, figure, words, how it is shown, whether it is shown at zero
_TOTALS: Final[tuple[tuple[str, str, str, Callable[[float], str], bool], ...]] = (
    ("requests", "count", "calls that ended", whole, True),
    ("request_rate", "value", "calls per second", _per_second, True),
    ("offered_rate", "value", "planned calls per second", _per_second, True),
    ("dropped_starts", "count", "planned calls that were dropped", whole, True),
    ("dropped_rate", "rate", "share of planned calls that were dropped", share, False),
    ("late_starts", "count", "calls that began late", whole, True),
    ("late_rate", "rate", "share of calls that began late", share, False),
    ("failures", "count", "failed calls", whole, True),
    ("failures", "rate", "failed calls per second", _per_second, False),
    ("error_rate", "rate", "error rate", share, True),
    ("availability", "rate", "availability", share, True),
    ("rate_limited_rate", "rate", "rate limited", share, False),
    ("cache_hit_rate", "rate", "cache hit rate", share, True),
    ("goodput", "rate", "goodput (calls that met every objective)", share, True),
    ("interrupted", "count", "calls cut off by us", whole, False),
    ("reconnects", "count", "connections that the server had closed", whole, False),
    ("ws_drops", "count", "WebSockets that the server ended", whole, False),
    ("ws_messages", "count", "messages on WebSockets", whole, False),
    ("ws_messages_rate", "value", "messages on WebSockets per second", _per_second, False),
    ("output_tokens", "count", "output tokens", whole, False),
    ("output_tokens_rate", "value", "output tokens per second", _per_second, False),
    ("estimated_tokens", "count", "of which estimated by us", whole, False),
    ("input_tokens", "count", "input tokens", whole, False),
    ("input_tokens_rate", "value", "input tokens per second", _per_second, False),
    ("bytes_received", "count", "received", _bytes, False),
    ("bytes_sent", "count", "sent", _bytes, False),
    ("cost", "count", "cost", usd, False),
    ("cost_per_request", "avg", "cost per successful call", usd, False),
    ("fallback_rate", "rate", "calls that another than the first provider answered", share, True),
    ("cached_input_tokens", "count", "input tokens from the provider's prompt cache", whole, False),
    ("prompt_cache_rate", "rate", "share of input tokens from the provider's prompt cache", share, False),
    ("rate_limit_headroom", "min", "rate limit left at its scarcest", share, True),
    ("compressed_rate", "rate", "answers that came compressed, of those asked for", share, True),
    ("encoded_bytes", "count", "bodies that came compressed", _bytes, False),
    ("decoded_bytes", "count", "the same, decompressed", _bytes, False),
    ("compression_ratio", "avg", "compression ratio, mean of answers", ratio, False),
)
