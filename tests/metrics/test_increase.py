"""Counters of a target, and shares of two: what lies in the judged time, and how much of it is known."""

from __future__ import annotations

import pytest

from tokenswarm.errors import ThresholdSyntaxError
from tokenswarm.metrics.catalogue import METRICS, Kind
from tokenswarm.metrics.gauge import Sample, Samples
from tokenswarm.metrics.judge import judge
from tokenswarm.metrics.measurements import Measurements
from tokenswarm.metrics.source import Aggregation, Selector, StageSpan
from tokenswarm.metrics.threshold_check import Surroundings, check_subject
from tokenswarm.metrics.threshold_grammar import parse_expression, parse_subject
from tokenswarm.metrics.thresholds import Level, Status, Threshold

STAGES = (StageSpan("warm-up", 0, 2, is_warmup=True), StageSpan("hold", 2, 10))
COUNT, RATE = Aggregation("count"), Aggregation("rate")


def measured(*samples: tuple[float, str, float]) -> Measurements:
    measurements = Measurements(STAGES, 1.0)
    measurements.samples = Samples(Sample(at_s, "prometheus x", name, value) for at_s, name, value in samples)
    return measurements


def every_second(name: str, by: float, until_s: int = 11) -> list[tuple[float, str, float]]:
    return [(0.5, name, 0.0), *((i + 0.5, name, by) for i in range(1, until_s))]


def test_growth_is_counted_where_it_lies() -> None:
    """10 a second over 8 judged seconds, although no sample falls on a stage's border."""
    source = measured(*every_second("target_requests", 10.0))
    assert source.read("target_requests", COUNT, Selector()).value == pytest.approx(80)
    assert source.read("target_requests", RATE, Selector()).value == pytest.approx(10)
    assert source.read("target_requests", RATE, Selector({"stage": "hold"})).value == pytest.approx(10)


def test_a_count_with_gaps_is_none() -> None:
    """A monitor that was there for half of the time can't say how many there were; a rate it can tell."""
    source = measured(*every_second("target_requests", 10.0, until_s=6))
    absent = source.read("target_requests", COUNT, Selector())
    assert absent.value is None
    assert "3.5 of 8.0 s" in absent.reason
    assert source.read("target_requests", RATE, Selector()).value == pytest.approx(10)


def test_a_share_is_made_of_both_counters() -> None:
    """One hit in four; without misses known there is no share."""
    hits = every_second("target_cache_hits", 1.0)
    both = measured(*hits, *every_second("target_cache_misses", 3.0))
    assert both.read("target_cache_hit_rate", RATE, Selector()).value == pytest.approx(0.25)
    assert "target_cache_misses" in measured(*hits).read("target_cache_hit_rate", RATE, Selector()).reason


@pytest.mark.parametrize(
    ("line", "expression", "status"),
    [
        ("target_requests", "rate > 9/s", Status.PASS),
        ("target_requests", "count < 50", Status.FAIL),
        ("target_requests", "rate < 20/s over 3s", Status.PASS),
        ("target_panics_total", "count == 0", Status.INCONCLUSIVE),  # nobody read it
        ("target_cpu", "avg < 50%", Status.PASS),
        ("target_cpu", "max < 30%", Status.FAIL),
        ("target_memory", "max < 512MB", Status.PASS),
        ("target_queue", "max < 3", Status.FAIL),
        ("target_heap_bytes{stage:hold}", "max < 1MB", Status.PASS),
    ],
)
def test_lines_are_judged(line: str, expression: str, status: Status) -> None:
    """Counters, listed gauges and those of a target's own names, each in its unit."""
    values = {"target_cpu": 0.4, "target_memory": 4e8, "target_queue": 5.0, "target_heap_bytes": 9e5}
    gauges = [(i + 0.5, name, value) for name, value in values.items() for i in range(10)]
    source = measured(*every_second("target_requests", 10.0), *gauges)
    threshold = Threshold(
        parse_subject(line), (Level("threshold", parse_expression(expression), Status.FAIL),)
    )
    assert check_subject(threshold.subject, Surroundings({"hold": False})) == []
    assert judge([threshold], source)[0].status is status


@pytest.mark.parametrize(
    ("name", "kind", "unit"),
    [
        ("target_logged_ms", Kind.TIME, "s"),
        ("target_queue_seconds", Kind.TIME, "s"),
        ("target_errors_total", Kind.COUNTER, "1"),
        ("target_sent_bytes_total", Kind.COUNTER, "B"),
        ("target_heap_bytes", Kind.GAUGE, "B"),
        ("target_queue", Kind.GAUGE, "1"),
    ],
)
def test_the_end_of_a_name_says_what_it_is(name: str, kind: Kind, unit: str) -> None:
    """A threshold can be checked before anybody knows the target."""
    assert (METRICS[name].kind, METRICS[name].unit) == (kind, unit)
    assert name not in list(METRICS)


@pytest.mark.parametrize(
    "name", ["latancy", "target_", "target_Queue", "redis_foo", "targetqueue", "target_a-b"]
)
def test_other_names_are_no_metrics(name: str) -> None:
    """A misspelled metric is still an error."""
    assert name not in METRICS
    try:
        problems = check_subject(parse_subject(name), Surroundings())
    except ThresholdSyntaxError:
        return
    assert "no metric is called" in problems[0]
