"""What was done to the target: calls lost, time to recover, where answers came from, latency around it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from tokenswarm.metrics.injection import Happening, Injection
from tokenswarm.metrics.measurements import ANY_OUTCOME, Measurements
from tokenswarm.metrics.moments import Moments, moment_width_s, moments_in
from tokenswarm.metrics.recovery import Recovery, recovery_of, unexplained_outages
from tokenswarm.metrics.source import Aggregation, Selector, Span
from tokenswarm.metrics.switchover import switches_in, switchover_of, usual_provider
from tokenswarm.metrics.thresholds import Status
from tokenswarm.profile.schema import Profile
from tokenswarm.profile.slo import Slo
from tokenswarm.profile.thresholds import thresholds_of
from tokenswarm.report.action_row import ActionRow, Phase
from tokenswarm.report.run_folder import Run

OUTAGE: Final = "an outage that nobody announced"
_DEFAULT_LIMIT: Final = 0.01
_EVERYTHING: Final = Selector({"outcome": ANY_OUTCOME})


def find_injections(run: Run, profile: Profile, slo: Slo | None) -> None:
    """Put what was done to the target, and what came of it, into the measurements, for thresholds to read."""
    counts = (item for _, counted in run.measurements.all_counted() for item in counted.items())
    moments = moments_in(counts, moment_width_s(run.facts.planned_s))
    limit = error_limit(profile, slo)
    told = sorted((*_actions(run), *_deaths(run)), key=lambda one: one.at_s)
    found = [
        (one, recovery_of(moments, one.at_s, next_s, run.ended_s, limit, profile.timeouts.total_s + 1))
        for one, next_s in _with_next(told, run.ended_s)
    ]
    outages = unexplained_outages(moments, [recovery for _, recovery in found], run.ended_s, limit)
    found += [(Happening(outage.injected_s, OUTAGE), outage) for outage in outages]
    found.sort(key=lambda pair: pair[0].at_s)
    run.measurements.injections = tuple(_with_switchovers(found, moments, run.ended_s))


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
    """Everything that was done to the target, in order; `find_injections` comes first."""
    measurements = run.measurements
    rows: list[ActionRow] = []
    since_s = next((stage.start_s for stage in measurements.stages if not stage.is_warmup), 0.0)
    width_s = measurements.width_s
    following = [injection.at_s for injection in measurements.injections[1:]]
    for injection, next_s in zip(measurements.injections, [*following, run.ended_s], strict=False):
        # Figures are of whole intervals: each belongs to what was done in it, all of it.
        at_s, until_s = (math.floor(time_s / width_s + 1e-9) * width_s for time_s in (injection.at_s, next_s))
        calm_s = min(until_s, _calm_s(injection, width_s))
        spans = {"during": Span(at_s, calm_s), "after": Span(calm_s, until_s)}
        if not rows:  # later on, it is what came after the happening before
            spans = {"before": Span(since_s, at_s), **spans}
        rows.append(_row(injection, [_phase(measurements, name, span) for name, span in spans.items()]))
    return tuple(rows)


def _calm_s(injection: Injection, width_s: float) -> float:
    """The end of the interval in which errors had passed and answers came from where they went on to."""
    recovery, switchover = injection.recovery, injection.switchover
    if recovery.took_s is None:
        return math.inf
    # Errors lasted until the moment of recovery, switches come within theirs.
    recovered_s = injection.at_s + recovery.took_s
    ends: list[float] = [math.ceil(recovered_s / width_s - 1e-9)] if recovery.took_s else []
    if switchover is not None:
        switched_s = (switchover.left_s, switchover.returned_s)
        ends += [math.floor(at_s / width_s + 1e-9) + 1 for at_s in switched_s if at_s is not None]
    return max(ends, default=math.floor(injection.at_s / width_s + 1e-9)) * width_s


def _row(injection: Injection, phases: Sequence[Phase | None]) -> ActionRow:
    happening, recovery, switchover = injection.happening, injection.recovery, injection.switchover
    return ActionRow(
        name=happening.name,
        did=happening.did,
        at_s=round(happening.at_s, 3),
        is_ok=happening.is_ok,
        said=happening.said,
        recovery_s=None if recovery.took_s is None else round(recovery.took_s, 3),
        lost=recovery.lost,
        worst_error_rate=recovery.worst_rate,
        first_failure_s=recovery.first_failure_s,
        usual_provider=switchover.usual if switchover is not None else "",
        failover_s=_rounded(injection.failover_s),
        return_s=_rounded(injection.return_s),
        is_away_at_end=injection.is_last and switchover is not None and switchover.is_away,
        phases=tuple(phase for phase in phases if phase is not None),
    )


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


def _actions(run: Run) -> Iterator[Happening]:
    for event in run.events:
        if event.name == "action":
            said = event.details
            yield Happening(
                event.at_s,
                str(said.get("name", "")),
                str(said.get("did", "")),
                bool(said.get("is_ok")),
                str(said.get("said", "")),
            )


def _deaths(run: Run) -> Iterator[Happening]:
    """Processes of the embedded stack that ended before the run did."""
    started = run.event("started")
    since_s = started.details.get("monotonic_s") if started is not None else None
    if not isinstance(since_s, int | float):
        return
    for death in run.facts.deaths:
        at_s = death.monotonic_s - since_s
        if 0 <= at_s < run.ended_s:
            yield Happening(at_s, f"the death of {death.name}", f"process {death.pid} ended")


def _with_next(told: Sequence[Happening], end_s: float) -> Iterator[tuple[Happening, float]]:
    """Each, and until when its effect is looked at: the next one, or the end of the run."""
    for one, following in itertools.zip_longest(told, told[1:]):
        yield one, end_s if following is None else following.at_s


def _with_switchovers(
    found: Sequence[tuple[Happening, Recovery]], moments: Moments, end_s: float
) -> Iterator[Injection]:
    if not found:
        return
    first_s = found[0][0].at_s
    usual = usual_provider(moments, first_s)
    switches = switches_in(moments, usual, first_s, end_s) if usual is not None else ()
    for (happening, recovery), (_, next_s) in zip(
        found, _with_next([one for one, _ in found], end_s), strict=True
    ):
        switchover = None
        if usual is not None:
            switchover = switchover_of(moments, switches, usual, happening.at_s, next_s)
        yield Injection(happening, recovery, switchover, is_last=happening is found[-1][0])


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
