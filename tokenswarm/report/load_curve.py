"""How answers slow down under load: what was offered in each interval against what became of it.

Intervals of judged stages are put together by the load that was offered in them, calls per second of the plan
in the open model, users in the closed one, and their histograms are merged: percentiles are of all calls of
a level, never means of percentiles. Calls count where they ended.

The knee is where throughput ÷ mean latency is highest (Kleinrock's power): beyond it, more load buys more
waiting than work. It is named only if both sides of it were measured.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from tokenswarm.metrics.call import EXPECTED, FAILURES, PROVIDER, SUCCESS
from tokenswarm.metrics.histogram import Histogram
from tokenswarm.metrics.measurements import Measurements
from tokenswarm.profile.pacing import StagePlan
from tokenswarm.profile.schema import Profile
from tokenswarm.report.figures import plain_rate, time_ms
from tokenswarm.report.run_folder import Run

_MOST_LEVELS: Final = 14
_WIDE: Final = 16.0  # highest load ÷ lowest, from which on levels are even in ratio and not in width
_LEAST_LEVELS: Final = 4
_LEAST_CALLS: Final = 30  # of a level: fewer have no percentiles to speak of
_VARIES: Final = 1.5  # highest load ÷ lowest, from which on a curve says something
# Of an interval's width: stages end a few milliseconds after their time, and clocks round.
_WHOLE: Final = 0.99
_FALLEN: Final = 0.85  # of the highest power: by so much it must have fallen behind the knee


@dataclass(frozen=True, slots=True)
class LoadLevel:
    """All intervals with about the same load. Times are milliseconds, of successful calls."""

    load: float  # users, or planned calls per second: their mean over the level's intervals
    seconds: float
    calls: int
    request_rate: float
    error_rate: float
    latency_mean_ms: float
    latency_p50_ms: float
    latency_p95_ms: float
    latency_p99_ms: float
    ttft_p95_ms: float | None

    @property
    def power(self) -> float:
        """Successful calls per second for each second that a call takes."""
        return self.request_rate * (1 - self.error_rate) / self.latency_mean_ms


@dataclass(frozen=True, slots=True)
class LoadCurve:
    """Levels by load; `of` is "users" or "planned calls/s". `knee` is the load of one of them."""

    of: str
    levels: tuple[LoadLevel, ...]
    knee: float | None

    @property
    def sentence(self) -> str:
        """For people."""
        what = "users" if self.of == "users" else "calls/s"
        if self.knee is None:
            low, high = (plain_rate(self.levels[i].load) for i in (0, -1))
            return f"No knee between {low} and {high} {what}: more load still brought more work than waiting."
        at = next(level for level in self.levels if level.load == self.knee)
        return (
            f"The knee is at about {plain_rate(self.knee)} {what}: {plain_rate(at.request_rate)} calls/s"
            f" with a p95 of {time_ms(at.latency_p95_ms)} ms. Beyond it, load brought more waiting than work."
        )


@dataclass(slots=True)
class _Level:
    loads: list[float] = field(default_factory=list)
    seconds: float = 0.0
    calls: dict[str, float] = field(default_factory=dict)
    latency: Histogram = field(default_factory=Histogram)
    ttft: Histogram = field(default_factory=Histogram)


def load_curve_of(run: Run, profile: Profile) -> LoadCurve | None:
    """None unless the load varied, and enough of it was measured."""
    measurements, plan = run.measurements, StagePlan(profile.stages)
    judged = _judged_seconds(measurements)
    width_s = measurements.width_s
    if plan.is_open:
        offered = _planned(plan, judged, width_s)
    else:
        offered = measurements.samples.last_of_each("users", width_s)
    loads = {i: load for i, load in offered.items() if load > 0 and i in judged}
    if not loads or max(loads.values()) < _VARIES * min(loads.values()):
        return None
    found: dict[int, _Level] = {}
    level_of = _Binning(min(loads.values()), max(loads.values()))
    for i, load in loads.items():
        level = found.setdefault(level_of(load), _Level())
        level.loads.append(load)
        level.seconds += judged[i]
    _add_calls(measurements, {i: found[level_of(load)] for i, load in loads.items()})
    places = 3 if plan.is_open else 0  # of users there are no tenths
    levels = [made for _, level in sorted(found.items()) if (made := _made(level, places)) is not None]
    if len(levels) < _LEAST_LEVELS:
        return None
    return LoadCurve("planned calls/s" if plan.is_open else "users", tuple(levels), knee_of(levels))


def _planned(plan: StagePlan, intervals: Iterable[int], width_s: float) -> dict[int, float]:
    """By the plan, not by what came: arrivals by chance would make load out of noise."""
    return {i: plan.rate_at((i + 0.5) * width_s) or 0.0 for i in intervals}


def _judged_seconds(measurements: Measurements) -> dict[int, float]:
    """Intervals that lie in judged stages whole, and their seconds.

    Of others the calls are known of all of it, those of a warm-up or of what drained after the end as well.
    """
    width_s = measurements.width_s
    seconds: dict[int, float] = {}
    for stage in measurements.stages:
        for i in range(math.floor(stage.start_s / width_s + 1e-9), math.ceil(stage.end_s / width_s - 1e-9)):
            inside = min(stage.end_s, (i + 1) * width_s) - max(stage.start_s, i * width_s)
            seconds[i] = -math.inf if stage.is_warmup else seconds.get(i, 0.0) + inside
    return {i: inside for i, inside in seconds.items() if inside > _WHOLE * width_s}


@dataclass(frozen=True, slots=True)
class _Binning:
    """Which level a load belongs to."""

    low: float
    high: float

    def __call__(self, load: float) -> int:
        if self.high > _WIDE * self.low:
            share = math.log(load / self.low) / math.log(self.high / self.low)
        else:
            share = (load - self.low) / (self.high - self.low)
        return min(_MOST_LEVELS - 1, int(share * _MOST_LEVELS))


def _add_calls(measurements: Measurements, level_of: Mapping[int, _Level]) -> None:
    for key, series in measurements.each():
        level, outcome = level_of.get(key.interval), key.labels.outcome
        if level is None or outcome not in (SUCCESS, EXPECTED, *FAILURES) or key.labels.arm == PROVIDER:
            continue
        level.calls[outcome] = level.calls.get(outcome, 0) + series.counts.get("calls", 0)
        if outcome == SUCCESS:
            for metric, histogram in (("latency", level.latency), ("ttft", level.ttft)):
                if metric in series.values:
                    histogram.merge(series.values[metric])


def _made(level: _Level, places: int) -> LoadLevel | None:
    calls = sum(level.calls.values())
    if level.latency.count < _LEAST_CALLS:
        return None
    failed = sum(count for outcome, count in level.calls.items() if outcome in FAILURES)
    p50_ms, p95_ms, p99_ms = (_ms(level.latency.quantile(q)) for q in (0.5, 0.95, 0.99))
    return LoadLevel(
        load=round(sum(level.loads) / len(level.loads), places),
        seconds=round(level.seconds, 3),
        calls=int(calls),
        request_rate=round(calls / level.seconds, 3),
        error_rate=failed / calls,
        latency_mean_ms=_ms(level.latency.mean),
        latency_p50_ms=p50_ms,
        latency_p95_ms=p95_ms,
        latency_p99_ms=p99_ms,
        ttft_p95_ms=_ms(level.ttft.quantile(0.95)) if level.ttft.count >= _LEAST_CALLS else None,
    )


def _ms(value_s: float | None) -> float:
    assert value_s is not None, "it has calls"
    return round(value_s * 1000, 3)


def knee_of(levels: Sequence[LoadLevel]) -> float | None:
    """The load of the highest power, if it is neither the first level nor nearly matched by the last one."""
    best = max(levels, key=lambda level: level.power)
    return best.load if levels[-1].power < _FALLEN * best.power and best is not levels[0] else None
