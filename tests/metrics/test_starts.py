"""Starts of the open model: what was due, what was dropped, what was late."""

from __future__ import annotations

import pytest

from tokenswarm.metrics.catalogue import METRICS
from tokenswarm.metrics.collector import Collector
from tokenswarm.metrics.judge import judge
from tokenswarm.metrics.measurements import Measurements
from tokenswarm.metrics.source import Aggregation, Selector, Span, StageSpan
from tokenswarm.metrics.threshold_check import Surroundings, check_subject
from tokenswarm.metrics.threshold_grammar import parse_subject
from tokenswarm.metrics.thresholds import Status
from tokenswarm.profile.threshold_lines import Line, thresholds_in

STAGES = (StageSpan("warm-up", 0.0, 2.0, True), StageSpan("hold", 2.0, 6.0, False))


def open_run() -> Measurements:
    """Ten calls due a second; in the fifth second four are dropped and three late; a bad warm-up."""
    collector = Collector(0.0, 1.0)
    for second in range(6):
        collector.count("planned_starts", second + 0.5, "warm-up" if second < 2 else "hold", 10)
    collector.count("dropped_starts", 0.5, "warm-up", 9)
    collector.count("dropped_starts", 4.2, "hold", 4)
    collector.count("late_starts", 4.7, "hold", 3)
    measurements = Measurements(STAGES, 1.0)
    measurements.absorb(collector.drain())
    return measurements


@pytest.mark.parametrize(
    ("metric", "aggregation", "value"),
    [
        ("offered_rate", "value", 10.0),
        ("dropped_starts", "count", 4),
        ("dropped_starts", "rate", 1.0),
        ("late_starts", "count", 3),
        ("dropped_rate", "rate", 4 / 40),
        ("late_rate", "rate", 3 / 36),
    ],
)
def test_starts_are_read_without_the_warm_up(metric: str, aggregation: str, value: float) -> None:
    """Both sides of a ratio come from the judged stages; a dropped start can't be late."""
    reading = open_run().read(metric, Aggregation(aggregation), Selector())
    assert reading.value == pytest.approx(value)


def test_starts_are_read_from_a_window() -> None:
    """A threshold over one second sees that second only."""
    reading = open_run().read("dropped_rate", Aggregation("rate"), Selector(), Span(4.0, 5.0))
    assert (reading.value, reading.samples) == (0.4, 10)


@pytest.mark.parametrize("metric", ["offered_rate", "dropped_starts", "late_starts", "dropped_rate"])
def test_nothing_due_is_no_data(metric: str) -> None:
    """A closed run must not pass `dropped_starts == 0`: nobody counted."""
    aggregation = "count" if metric.endswith("starts") else "value"
    reading = Measurements(STAGES, 1.0).read(metric, Aggregation(aggregation), Selector())
    assert reading.value is None
    assert "no call was due" in reading.reason


def test_all_dropped_leaves_none_to_be_late() -> None:
    """The share of late starts of nothing is no figure."""
    collector = Collector(0.0, 1.0)
    collector.count("planned_starts", 3.0, "hold", 2)
    collector.count("dropped_starts", 3.0, "hold", 2)
    measurements = Measurements(STAGES, 1.0)
    measurements.absorb(collector.drain())
    assert measurements.read("late_rate", Aggregation("rate"), Selector()).value is None
    assert measurements.read("dropped_rate", Aggregation("rate"), Selector()).value == 1.0


@pytest.mark.parametrize(
    ("subject", "line", "status"),
    [
        ("dropped_rate{stage:hold}", "< 11%", Status.PASS),
        ("dropped_rate{stage:hold}", "< 10%", Status.FAIL),
        ("dropped_rate", "< 39% over 1s", Status.FAIL),
        ("dropped_rate", "< 41% over 1s", Status.PASS),
        ("late_rate", "< 9%", Status.PASS),
    ],
)
def test_thresholds_judge_shares_of_starts(subject: str, line: str, status: Status) -> None:
    """With stages and windows, as any other share."""
    (threshold,) = thresholds_in({subject: [Line(threshold=line)]}, "test.yaml")
    (result,) = judge([threshold], open_run())
    assert result.status is status


@pytest.mark.parametrize("metric", ["gc_pause", "offered_rate", "dropped_starts", "late_rate"])
def test_what_belongs_to_no_call_is_selected_by_stage_only(metric: str) -> None:
    """`dropped_starts{prompt:short}` would always be nothing."""
    assert metric in METRICS
    (problem,) = check_subject(parse_subject(f"{metric}{{prompt:short}}"), Surroundings())
    assert "can't be selected by prompt, allowed: stage" in problem
