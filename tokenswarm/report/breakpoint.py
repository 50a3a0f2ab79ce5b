"""How much a target carries: the highest rate of a climb at which the limits held, and where they broke.

The climb is cut into steps: a stage with one rate is one step, a ramp is cut into pieces of whole
intervals. Lines that abort the run decide; where none does, all lines that fail it. Of each step

    broke    a line is broken on it, or ended the run in it
    held     every line that was measured holds
    unknown  anything else: too few samples, or no call ended

and the climb ends with the first step that broke. What comes after the highest rate is no climb.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from tokenswarm.metrics.catalogue import METRICS, Kind
from tokenswarm.metrics.judge import judge
from tokenswarm.metrics.measurements import Measurements
from tokenswarm.metrics.source import Aggregation, Selector, StageSpan
from tokenswarm.metrics.thresholds import Status, Threshold, ThresholdResult
from tokenswarm.profile.pacing import StagePlan
from tokenswarm.profile.schema import Profile
from tokenswarm.profile.slo import Slo
from tokenswarm.profile.thresholds import thresholds_of
from tokenswarm.report.figures import judged_value
from tokenswarm.report.run_folder import Run
from tokenswarm.report.summary import Breakpoint, RateStep

_PIECES: Final = 12  # of one ramp, at most
_P95: Final = Aggregation("p", 95.0)


def breakpoint_of(run: Run, profile: Profile, slo: Slo | None) -> Breakpoint | None:
    """Where the climb of an open profile broke; None if the profile does not climb or no step was reached."""
    lines = _deciding(thresholds_of(profile, slo))
    steps = [_judged(run, step, lines) for step in _climb(run, StagePlan(profile.stages), lines)]
    if not steps:
        return None
    broke = next((i for i, step in enumerate(steps) if step.state == "broke"), len(steps))
    held = max((step.rate for step in steps[:broke] if step.state == "held"), default=None)
    broken = steps[broke] if broke < len(steps) else None
    return Breakpoint(
        held,
        broken.rate if broken is not None else None,
        broken.line if broken is not None else "",
        tuple(steps[: broke + 1]),
    )


@dataclass(frozen=True, slots=True)
class _Step:
    stage: StageSpan  # the part of it that this step is
    rate: float
    intervals: range
    is_last: bool  # of its stage


def _deciding(lines: Sequence[Threshold]) -> list[Threshold]:
    """Lines that can be judged on a part of a run: a count or a drift of a part says nothing."""
    fit = [line for line in lines if METRICS[line.subject.metric].kind not in (Kind.COUNTER, Kind.DRIFT)]
    fit = [line for line in fit if line.levels[-1].on_breach is Status.FAIL]
    return [line for line in fit if line.abort] or fit


def _climb(run: Run, plan: StagePlan, lines: Sequence[Threshold]) -> list[_Step]:
    """The steps up to the highest rate; none if there is only one rate."""
    if not plan.is_open or not lines:
        return []
    planned = [slope.end for slope, stage in zip(plan.slopes, plan.stages, strict=True) if not stage.warmup]
    starts = [slope.begin for slope, stage in zip(plan.slopes, plan.stages, strict=True) if not stage.warmup]
    if max(planned) <= starts[0]:
        return []
    longest_s = max((w.duration_s for line in lines if (w := line.levels[0].expression.window)), default=0.0)
    climb: list[_Step] = []
    for span in run.measurements.stages:
        if span.is_warmup:
            continue
        for step in _steps_of(span, plan, run.measurements.width_s, longest_s):
            if climb and step.rate < climb[-1].rate:
                return climb
            climb.append(step)
    return climb


def _steps_of(span: StageSpan, plan: StagePlan, width_s: float, longest_s: float) -> Iterator[_Step]:
    first, end = math.floor(span.start_s / width_s + 1e-9), math.ceil(span.end_s / width_s - 1e-9)
    slope = next(slope for slope in plan.slopes if slope.start_s <= span.start_s < slope.end_s)
    count = 1
    if slope.begin != slope.end:
        # A piece shorter than a line's window could not be judged by it.
        least = max(1, math.ceil(longest_s / width_s))
        count = max(1, min(_PIECES, (end - first) // least))
    borders = [first + round(i * (end - first) / count) for i in range(count + 1)]
    for i, (low, high) in enumerate(itertools.pairwise(borders)):
        start_s, end_s = max(span.start_s, low * width_s), min(span.end_s, high * width_s)
        calls = plan.planned_calls(start_s, end_s) or 0.0
        if end_s > start_s and calls:
            part = StageSpan(span.name, start_s, end_s)
            yield _Step(part, round(calls / (end_s - start_s), 6), range(low, high), i == count - 1)


def _judged(run: Run, step: _Step, lines: Sequence[Threshold]) -> RateStep:
    source = _part(run.measurements, step)
    of_step = [line for line in lines if line.subject.stage in (None, step.stage.name)]
    results = judge(of_step, source)
    state, line = _state(results)
    aborted = run.aborted
    if aborted is not None and step.is_last and run.measurements.stages[-1].name == step.stage.name:
        state, line = "broke", line or str(aborted.details.get("detail", ""))

    def figure(metric: str, aggregation: Aggregation = _P95, factor: float = 1000.0) -> float | None:
        value = source.read(metric, aggregation, Selector()).value
        return None if value is None else round(value * factor, 6)

    share = Aggregation("rate")
    return RateStep(
        step.stage.name,
        step.stage.start_s,
        step.stage.end_s,
        step.rate,
        figure("request_rate", Aggregation("value"), 1.0),
        figure("latency"),
        figure("effective_latency"),
        figure("ttft"),
        figure("error_rate", share, 1.0),
        figure("dropped_rate", share, 1.0),
        state,
        line,
    )


def _part(measurements: Measurements, step: _Step) -> Measurements:
    """The measurements of one step. Calls that ended after their stage still belong to its last step."""
    part = Measurements([step.stage], measurements.width_s)
    part.samples = measurements.samples
    for key, series in measurements.select(Selector({"stage": step.stage.name})):
        if key.interval in step.intervals or (step.is_last and key.interval >= step.intervals.stop):
            part.add(key, series)
    return part


def _state(results: Sequence[ThresholdResult]) -> tuple[str, str]:
    """The state of a step, and what broke it."""
    for result in results:
        if result.status is Status.FAIL:
            return "broke", f"{result.threshold.text} (it was {judged_value(result)})"
    if any(result.status is Status.INCONCLUSIVE for result in results):
        return "unknown", ""
    measured = any(result.status is not Status.NOT_MEASURED for result in results)
    return ("held" if measured else "unknown"), ""
