"""Did the generator deliver the planned load, and could it measure? Each figure against its limit."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from tokenswarm.metrics.gauge import Sample
from tokenswarm.metrics.health_limits import CPU_LEAST_S, CPU_SHARE, LATE_TIMERS, LIMITS, Limit
from tokenswarm.metrics.measurements import ANY_ARM, Measurements
from tokenswarm.metrics.series import PLANNED_STARTS
from tokenswarm.metrics.source import Aggregation, Selector
from tokenswarm.profile.pacing import StagePlan
from tokenswarm.profile.schema import Profile
from tokenswarm.report.figures import lasted, share, time_ms, whole
from tokenswarm.report.run_folder import Run
from tokenswarm.report.summary import Check

_ALL: Final = Selector()
_BOTH_ARMS: Final = Selector({"arm": ANY_ARM})  # the plan is about all calls, wherever they went
_P99: Final = Aggregation("p", 99.0)
# Locust looks at its shape once a second, and users need a moment to start.
_SETTLE_S: Final = 2.5
_SETTLE_POINTS: Final = 6
# A worker begins a moment after the master does, so the very last calls of a plan may not be due any more.
_BEGIN_SKEW_S: Final = 0.2
# Arrivals by chance are fewer than their mean now and then; by so many deviations once in 30,000 runs.
_DEVIATIONS: Final = 4.0


def health_checks(run: Run, profile: Profile, judged: Collection[str]) -> Iterator[Check]:
    """Causes before their effects. `judged` names the metrics that thresholds decide on."""
    plan = StagePlan(profile.stages)
    yield from _cpu(run)
    yield from _lag(run.measurements)
    yield from _gc_pause(run.measurements)
    if plan.is_open:
        yield from _p99("schedule_delay", "schedule_delay_open", "calls began", run.measurements)
        yield from _late(run.measurements)
        yield from _delivered(run, profile, plan)
        yield from _dropped(run.measurements, judged)
    else:
        yield from _p99("schedule_delay", "schedule_delay", "calls began", run.measurements)
        yield from _users(run, plan)
    yield from _mock(run)


@dataclass(slots=True)
class _Busy:
    """CPU of one generator process over the judged time."""

    watched_s: float = 0.0
    busy_s: float = 0.0
    peak: float = 0.0


def _cpu(run: Run) -> Iterator[Check]:
    found: dict[str, _Busy] = {}
    for sample, seconds in _judged_samples(run.measurements, "generator_cpu"):
        busy = found.setdefault(sample.source, _Busy())
        busy.watched_s += seconds
        busy.peak = max(busy.peak, sample.value)
        if sample.value >= LIMITS["generator_cpu"].value:
            busy.busy_s += seconds
    if not found:
        return
    source, worst = max(found.items(), key=lambda item: (item[1].busy_s, item[1].peak))
    text = f"the busiest load generator, {source}, used up to {worst.peak * 100:.0f}% of a core"
    limit = LIMITS["generator_cpu"]
    if worst.busy_s >= max(CPU_LEAST_S, CPU_SHARE * worst.watched_s):
        figure = (
            f"{source} used {limit.value:.0%} of a core or more for {lasted(worst.busy_s)}"
            f" of {lasted(worst.watched_s)}"
        )
        yield Check("generator CPU", limit.state, limit.said(figure))
    elif worst.peak >= LIMITS["generator_cpu_peak"].value:
        yield _broken("generator CPU", LIMITS["generator_cpu_peak"], text)
    else:
        yield Check("generator CPU", "good", text)


def _judged_samples(measurements: Measurements, name: str) -> Iterator[tuple[Sample, float]]:
    """Samples of judged stages, each with the seconds since its source's one before."""
    before_s: dict[str, float] = {}
    judged = [stage for stage in measurements.stages if not stage.is_warmup]
    for sample in sorted(measurements.samples.of(name), key=lambda sample: sample.at_s):
        seconds = sample.at_s - before_s.get(sample.source, sample.at_s - measurements.width_s)
        before_s[sample.source] = sample.at_s
        if any(stage.start_s <= sample.at_s < stage.end_s for stage in judged):
            yield sample, seconds


def _lag(measurements: Measurements) -> Iterator[Check]:
    limit = LIMITS["generator_lag"]
    lags = measurements.histogram("generator_lag", _ALL)
    p99_s = lags.quantile(0.99)
    if p99_s is None:
        return
    text = f"99% of timers of the generator were at most {time_ms(p99_s * 1000)} ms late"
    if p99_s <= limit.value:
        yield Check("generator lag", "good", text)
    elif lags.above(limit.value) < LATE_TIMERS:
        yield Check("generator lag", "warning", f"{text}, but the limit of {limit.shown} rests on too few")
    else:
        late = f"1% of the load generator's timers were {time_ms(p99_s * 1000)} ms late or more"
        yield _broken("generator lag", limit, late)


def _gc_pause(measurements: Measurements) -> Iterator[Check]:
    pauses = measurements.histogram("gc_pause", _ALL)
    if not pauses.count:
        return
    limit, text = LIMITS["gc_pause"], f"garbage collection took {time_ms(pauses.high * 1000)} ms at most"
    if pauses.high > limit.value:
        yield _broken("gc pause", limit, text)
    else:
        yield Check("gc pause", "good", text)


def _p99(metric: str, limit_name: str, what: str, measurements: Measurements) -> Iterator[Check]:
    late = measurements.read(metric, _P99, _ALL)
    if late.value is None:
        return
    limit, text = LIMITS[limit_name], f"99% of {what} at most {time_ms(late.value * 1000)} ms late"
    name = metric.replace("_", " ")
    yield Check(name, "good", text) if late.value <= limit.value else _broken(name, limit, text)


def _late(measurements: Measurements) -> Iterator[Check]:
    late = measurements.read("late_rate", Aggregation("rate"), _ALL)
    if late.value is None:
        return
    count = measurements.count("late_starts", _ALL)
    limit = LIMITS["late_rate"]
    text = f"{whole(count)} of {whole(late.samples)} calls began late ({share(late.value)})"
    if late.value > limit.value:
        yield _broken("late starts", limit, text)
    else:
        yield Check("late starts", "good", text)


def _delivered(run: Run, profile: Profile, plan: StagePlan) -> Iterator[Check]:
    measurements = run.measurements
    due = max(measurements.count(PLANNED_STARTS, _ALL), _due_by_plan(run, profile, plan))
    if due < 1:
        return
    dropped = measurements.count("dropped_starts", _ALL)
    begun = sum(measurements.outcomes(_BOTH_ARMS).values())
    limit = LIMITS["delivered_rate"]
    text = f"{whole(begun)} of {whole(due)} planned calls were made ({share(min(1.0, begun / due))})"
    if dropped:
        text += f", and {whole(dropped)} dropped"
    # What was dropped is missing as well, but has its own limit and its own mend.
    if begun + dropped < limit.value * due:
        yield _broken("planned load", limit, text)
    else:
        yield Check("planned load", "good" if begun >= limit.value * due else "note", text)


def _due_by_plan(run: Run, profile: Profile, plan: StagePlan) -> float:
    """Calls that the profile has due in the judged stages as far as they ran, less what chance explains.

    The generator's own count of what was due can't show calls that it never came to.
    """
    judged = [stage for stage in run.measurements.stages if not stage.is_warmup]
    mean = sum(
        plan.planned_calls(stage.start_s, min(stage.end_s, run.ended_s - _BEGIN_SKEW_S)) or 0.0
        for stage in judged
    )
    if profile.arrivals == "constant":
        return math.floor(mean)
    return mean - _DEVIATIONS * math.sqrt(mean / min(1.0, profile.burstiness or 1.0))


def _dropped(measurements: Measurements, judged: Collection[str]) -> Iterator[Check]:
    reading = measurements.read("dropped_rate", Aggregation("rate"), _ALL)
    if reading.value is None:
        return
    count = measurements.count("dropped_starts", _ALL)
    limit = LIMITS["dropped_rate"]
    text = f"{whole(count)} of {whole(reading.samples)} planned calls were dropped ({share(reading.value)})"
    if {"dropped_starts", "dropped_rate"} & set(judged):
        yield Check("dropped starts", "note" if count else "good", f"{text}; a threshold decides on it")
    elif reading.value > limit.value:
        yield _broken("dropped starts", limit, text)
    elif count:
        yield Check("dropped starts", "warning", f"{text}: each would have been among the slowest")
    else:
        yield Check("dropped starts", "good", "no call was dropped")


def _users(run: Run, plan: StagePlan) -> Iterator[Check]:
    limit = LIMITS["users"]
    reached = [stage.name for stage in run.measurements.stages]
    planned = max((s.users for s in run.facts.stages if s.span.name in reached), default=0)
    samples = run.measurements.samples.of("users")
    if not samples or not planned:
        return
    peak = max(sample.value for sample in samples)
    if peak >= planned * limit.value:
        yield Check("users", "good", f"{whole(peak)} of {whole(planned)} planned users ran at the peak")
        return
    text = f"only {whole(peak)} of {whole(planned)} planned users ran at the peak"
    # A plan that goes up and down at once may have had its peak between two samples.
    held = max(_users_held(plan, sample.at_s) for sample in samples)
    is_cut = bool(run.unreached_stages) or run.ended_s < run.facts.planned_s - run.facts.width_s
    if peak < held * limit.value:
        yield _broken("users", limit, text)
    else:
        yield Check("users", "note" if is_cut else "warning", text)


def _users_held(plan: StagePlan, at_s: float) -> int:
    """The fewest users that the plan wanted in the moments before: there was time to start so many."""
    steps = (at_s - _SETTLE_S * i / (_SETTLE_POINTS - 1) for i in range(_SETTLE_POINTS))
    return min(plan.users_at(step_s) if step_s >= 0 else 0 for step_s in steps)


def _mock(run: Run) -> Iterator[Check]:
    mock = run.facts.mock
    if mock is None or mock.lag_p99_s is None:
        return
    limit = LIMITS["mock_lag"]
    used = "" if mock.cpu_share is None else f", with {mock.cpu_share * 100:.0f}% of a core used"
    text = f"99% of what the mock had due was at most {time_ms(mock.lag_p99_s * 1000)} ms late{used}"
    if mock.lag_p99_s > limit.value:
        yield _broken("mock", limit, text)
    else:
        yield Check("mock", "good", text)


def _broken(what: str, limit: Limit, figure: str) -> Check:
    return Check(what, limit.state, limit.said(figure))
