"""Lines as profiles state them, and hand-made measurements to judge them by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tokenswarm.metrics.histogram import Histogram
from tokenswarm.metrics.judge import judge
from tokenswarm.metrics.measurements import Measurements
from tokenswarm.metrics.series import Delta, Labels, Series, SeriesKey
from tokenswarm.metrics.source import Aggregation, Reading, Selector, Span, StageSpan
from tokenswarm.metrics.thresholds import Threshold, ThresholdResult
from tokenswarm.profile.threshold_lines import Line, thresholds_in

HOLD = (StageSpan("hold", 0.0, 10.0),)


def line(subject: str, expression: str | None = None, **options: Any) -> Threshold:
    """One checked line, as a profile would state it."""
    given_line = {"threshold": expression, **options} if expression else options
    (threshold,) = thresholds_in({subject: [Line.model_validate(given_line)]}, "test.yaml")
    return threshold


def calls(
    at_s: int,
    count: int,
    *,
    latency_s: float | Sequence[float] | None = 0.1,
    stage: str = "hold",
    outcome: str = "success",
    **labels: str,
) -> Delta:
    """So many calls that ended within the second after `at_s`."""
    series = Series({"calls": count, "repeats": count})  # a cache may answer them
    if latency_s is not None:
        values = [latency_s] * count if isinstance(latency_s, float) else list(latency_s)
        series.values["latency"] = Histogram()
        series.values["latency"].fold(values)
    return Delta(1.0, {SeriesKey(at_s, stage, Labels(outcome=outcome, **labels)): series})


def measured(*deltas: Delta, stages: Sequence[StageSpan] = HOLD) -> Measurements:
    """All of them added up."""
    measurements = Measurements(stages)
    for delta in deltas:
        measurements.absorb(delta)
    return measurements


def judged(threshold: Threshold, source: Any) -> ThresholdResult:
    """The result of one line."""
    (result,) = judge([threshold], source)
    return result


def seconds(failures: str) -> Measurements:
    """One interval a letter: `.` ten good calls, `x` ten failed ones, a blank none at all."""
    deltas = []
    for at_s, letter in enumerate(failures):
        if letter != " ":
            deltas.append(calls(at_s, 10, outcome="success" if letter == "." else "http_5xx"))
    return measured(*deltas, stages=[StageSpan("hold", 0.0, float(len(failures)))])


@dataclass(frozen=True)
class Rounding:
    """A source that rounds, like Locust's CSV."""

    reading: Reading
    stages: Sequence[StageSpan] = field(default=())

    def read(
        self, _metric: str, _aggregation: Aggregation, _selector: Selector, _span: Span | None = None
    ) -> Reading:
        return self.reading

    def resolution_s(self) -> float | None:
        return None
