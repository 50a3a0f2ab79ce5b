"""What the profile's actions did to the target: calls lost, time to recover, and latency around them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from tokenswarm.metrics.measurements import ANY_OUTCOME, Measurements
from tokenswarm.metrics.recovery import Recovery, moment_width_s, moments_in, recovery_of
from tokenswarm.metrics.source import Aggregation, Selector, Span
from tokenswarm.metrics.thresholds import Status
from tokenswarm.profile.schema import Profile
from tokenswarm.profile.slo import Slo
from tokenswarm.profile.thresholds import thresholds_of
from tokenswarm.report.run_folder import Run, RunEvent
from tokenswarm.report.summary import ActionRow, Phase

_DEFAULT_LIMIT: Final = 0.01
_EVERYTHING: Final = Selector({"outcome": ANY_OUTCOME})


def find_recoveries(run: Run, profile: Profile, slo: Slo | None) -> None:
    """Put the recoveries from the run's actions into its measurements, where thresholds read them."""
    counts = (item for _, series in run.measurements.each() for item in series.counts.items())
    moments = moments_in(counts, moment_width_s(run.facts.planned_s))
    limit = error_limit(profile, slo)
    run.measurements.recoveries = tuple(
        recovery_of(moments, action.at_s, next_s, run.ended_s, limit, profile.timeouts.total_s + 1)
        for action, next_s in _actions(run)
    )


def error_limit(profile: Profile, slo: Slo | None) -> float:
    """The error rate that a recovery must get under: the strictest that fails the verdict, or 1 %."""
    limits = [
        level.limit(line.subject)
        for line in thresholds_of(profile, slo)
        if line.subject.metric == "error_rate"
        for level in line.levels
        if level.on_breach is Status.FAIL
    ]
    return min(limits, default=_DEFAULT_LIMIT)


def action_rows(run: Run) -> tuple[ActionRow, ...]:
    """Every action that was done, in order; `find_recoveries` comes first."""
    measurements = run.measurements
    rows: list[ActionRow] = []
    since_s = next((stage.start_s for stage in measurements.stages if not stage.is_warmup), 0.0)
    for (event, next_s), recovery in zip(_actions(run), measurements.recoveries, strict=True):
        recovered_s = next_s if recovery.recovered_s is None else min(next_s, recovery.recovered_s)
        # Figures are of whole intervals; that in which it recovered belongs to the time before.
        calm_s = recovered_s
        if recovery.took_s:
            calm_s = min(next_s, math.ceil(recovered_s / measurements.width_s) * measurements.width_s)
        spans = {"during": Span(event.at_s, calm_s), "after": Span(calm_s, next_s)}
        if not rows:  # later on, it is what came after the action before
            spans = {"before": Span(since_s, event.at_s), **spans}
        rows.append(_row(event, recovery, [_phase(measurements, name, span) for name, span in spans.items()]))
    return tuple(rows)


def _row(event: RunEvent, recovery: Recovery, phases: Sequence[Phase | None]) -> ActionRow:
    details = event.details
    return ActionRow(
        name=str(details.get("name", "")),
        did=str(details.get("did", "")),
        at_s=round(event.at_s, 3),
        is_ok=bool(details.get("is_ok")),
        said=str(details.get("said", "")),
        recovery_s=None if recovery.took_s is None else round(recovery.took_s, 3),
        lost=recovery.lost,
        worst_error_rate=recovery.worst_rate,
        first_failure_s=recovery.first_failure_s,
        phases=tuple(phase for phase in phases if phase is not None),
    )


def _actions(run: Run) -> Iterator[tuple[RunEvent, float]]:
    """Each action, and until when its effect is looked at: the next one, or the end of the run."""
    events = sorted((e for e in run.events if e.name == "action"), key=lambda event: event.at_s)
    for event, following in itertools.zip_longest(events, events[1:]):
        yield event, run.ended_s if following is None else following.at_s


def _phase(measurements: Measurements, name: str, span: Span) -> Phase | None:
    if span.end_s <= span.start_s:
        return None

    def ms(metric: str, percentile: float) -> float | None:
        value = measurements.read(metric, Aggregation("p", percentile), Selector(), span).value
        return None if value is None else round(value * 1000, 3)

    errors = measurements.read("error_rate", Aggregation("value"), Selector(), span)
    return Phase(
        name=name,
        start_s=round(span.start_s, 3),
        end_s=round(span.end_s, 3),
        requests=errors.samples,
        error_rate=errors.value,
        latency_p50_ms=ms("latency", 50),
        latency_p95_ms=ms("latency", 95),
        ttft_p50_ms=ms("ttft", 50),
        ttft_p95_ms=ms("ttft", 95),
        providers=_providers(measurements, span),
    )


def _providers(measurements: Measurements, span: Span) -> Mapping[str, float]:
    """Provider → its share of the calls that named theirs."""
    calls: dict[str, float] = {}
    for key, series in measurements.select(_EVERYTHING, span):
        if key.labels.provider:
            calls[key.labels.provider] = calls.get(key.labels.provider, 0) + series.counts.get("calls", 0)
    whole = sum(calls.values())
    return {name: count / whole for name, count in sorted(calls.items())} if whole else {}
