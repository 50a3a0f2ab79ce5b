"""What crept over a long run: latency, first token and the target's memory, in the longest even stage."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from tokenswarm.metrics.call import SUCCESS
from tokenswarm.metrics.catalogue import METRICS
from tokenswarm.metrics.drift import SHORTEST_S, Point, Trend, points_of_samples, points_of_times, trend_of
from tokenswarm.metrics.source import Selector, Span, StageSpan
from tokenswarm.metrics.units import DRIFT, format_figure, quantity_of
from tokenswarm.profile.pacing import StagePlan
from tokenswarm.profile.schema import Profile
from tokenswarm.report.run_folder import Run
from tokenswarm.report.summary import DriftRow

_HOUR_S: Final = 3600.0


@dataclass(frozen=True, slots=True)
class _Watched:
    metric: str
    what: str
    points: Callable[[Run, StageSpan], list[Point]]
    factor: float  # from base units to the summary's


def drift_of(run: Run, profile: Profile) -> tuple[DriftRow, ...]:
    """A row for everything that can be told; none if no even stage lasted long enough."""
    stage = _longest_even_stage(run, profile)
    return () if stage is None else tuple(_rows(run, stage))


def _longest_even_stage(run: Run, profile: Profile) -> StageSpan | None:
    """Only under the same load all the time does a slope say something of the target."""
    plan = StagePlan(profile.stages)
    even = {
        stage.name
        for stage, slope in zip(plan.stages, plan.slopes, strict=True)
        if slope.begin == slope.end and not stage.warmup
    }
    long = [s for s in run.measurements.stages if s.name in even and s.end_s - s.start_s >= SHORTEST_S]
    return max(long, key=lambda span: span.end_s - span.start_s, default=None)


def _rows(run: Run, stage: StageSpan) -> Iterator[DriftRow]:
    for watched in _WATCHED:
        trend = trend_of(watched.points(run, stage))
        if trend is not None and trend.level > 0:
            yield _row(watched, stage, trend)


def _row(watched: _Watched, stage: StageSpan, trend: Trend) -> DriftRow:
    texts = [_signed(slope * _HOUR_S / trend.level) for slope in (trend.slope, trend.low, trend.high)]
    is_zero_inside = trend.low <= 0 <= trend.high
    level_text = format_figure(trend.level, quantity_of(METRICS[watched.metric], "med"))

    def an_hour(slope: float) -> float:
        return round(slope * _HOUR_S * watched.factor, 6)

    def share(slope: float) -> float:
        return round(slope * _HOUR_S / trend.level, 6)

    return DriftRow(
        metric=watched.metric,
        stage=stage.name,
        start_s=stage.start_s,
        end_s=stage.end_s,
        level=round(trend.level * watched.factor, 3),
        per_hour=an_hour(trend.slope),
        per_hour_low=an_hour(trend.low),
        per_hour_high=an_hour(trend.high),
        share_per_hour=share(trend.slope),
        share_low=share(trend.low),
        share_high=share(trend.high),
        points=trend.points,
        is_zero_inside=is_zero_inside,
        level_text=level_text,
        per_hour_text=texts[0],
        interval_text=f"{texts[1]} to {texts[2]}",
        sentence=_sentence(watched.what, level_text, texts, trend, is_zero_inside=is_zero_inside),
    )


def _sentence(what: str, level: str, texts: Sequence[str], trend: Trend, *, is_zero_inside: bool) -> str:
    begin = f"{what}, {level} at the median, changed by {texts[0]} (95% interval {texts[1]} to {texts[2]})"
    if is_zero_inside:
        return f"{begin}: zero is inside, so no drift can be told from none."
    return f"{begin}: zero is not inside, so it {'rises' if trend.slope > 0 else 'falls'}."


def _signed(share: float) -> str:
    return f"{'+' if share > 0 else ''}{format_figure(share, DRIFT)}"


def _times(metric: str) -> Callable[[Run, StageSpan], list[Point]]:
    def points(run: Run, stage: StageSpan) -> list[Point]:
        found = run.measurements.select(Selector({"stage": stage.name, "outcome": SUCCESS}))
        span = Span(stage.start_s, stage.end_s)
        return points_of_times(found, metric, [span], run.measurements.width_s)[0]

    return points


def _memory(run: Run, stage: StageSpan) -> list[Point]:
    sampled = run.measurements.samples.of("target_memory")
    samples = [s for s in sampled if stage.start_s <= s.at_s < stage.end_s]
    return points_of_samples(samples) if len(samples) > 1 else []


_WATCHED: Final = (
    _Watched("latency", "Latency", _times("latency"), 1000.0),
    _Watched("ttft", "Time to first token", _times("ttft"), 1000.0),
    _Watched("target_memory", "The target's memory", _memory, 1.0),
)
