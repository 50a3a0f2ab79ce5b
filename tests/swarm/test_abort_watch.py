"""Thresholds that end a run while it goes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tokenswarm.metrics.gauge import Sample
from tokenswarm.metrics.histogram import Histogram
from tokenswarm.metrics.series import Delta, Labels, Series, SeriesKey
from tokenswarm.metrics.source import StageSpan
from tokenswarm.metrics.threshold_grammar import parse_expression, parse_subject
from tokenswarm.metrics.thresholds import Level, Status, Threshold
from tokenswarm.swarm.abort_watch import AbortWatch

STAGES = (StageSpan("hold", 0, 600),)


def line(subject: str, expression: str, *, abort: bool = True) -> Threshold:
    level = Level("threshold", parse_expression(expression), Status.FAIL)
    return Threshold(parse_subject(subject), (level,), abort=abort)


def second(i: int, latency_s: float, prompt: str = "short", outcome: str = "success") -> Delta:
    """Ten calls that ended in one second."""
    histogram = Histogram()
    histogram.fold([latency_s] * 10)
    key = SeriesKey(i, "hold", Labels(prompt=prompt, outcome=outcome, status="200", provider="a"))
    return Delta(1.0, {key: Series({"calls": 10}, {"latency": histogram, "icl": histogram})})


@pytest.mark.parametrize(
    ("subject", "expression"),
    [
        ("latency", "p(95) < 200ms over 10s"),
        ("latency{prompt:short}", "p(95) < 200ms"),
        ("error_rate", "< 50% for 5s"),
        ("request_rate", "< 15/s over 3s"),
    ],
)
def test_a_broken_line_is_told_as_soon_as_it_is(subject: str, expression: str) -> None:
    """Nothing for a minute of good calls; then slow, failing and twice as many ones."""
    watch = AbortWatch((line(subject, expression),), STAGES, 1.0)
    for i in range(60):
        watch.absorb(second(i, 0.1))
        assert watch.broken_line(i + 1.0) is None
    broken = []
    for i in range(60, 80):
        watch.absorb(second(i, 0.9))
        watch.absorb(second(i, 0.9, outcome="http_5xx"))
        broken.append(watch.broken_line(i + 1.0))
    assert any(broken)


def test_labels_that_a_line_names_are_told_apart() -> None:
    """Long prompts are slow, and the line is about short ones."""
    watch = AbortWatch((line("latency{prompt:short}", "p(95) < 200ms"),), STAGES, 1.0)
    watch.absorb(second(0, 0.1))
    watch.absorb(second(0, 0.9, prompt="long"))
    assert watch.broken_line(1.0) is None


def test_only_what_lines_ask_for_is_kept() -> None:
    """No histogram for a line about errors, and nothing at all without a line that aborts."""
    errors = AbortWatch((line("error_rate", "< 50% for 5s"),), STAGES, 1.0)
    idle = AbortWatch((line("latency", "p(95) < 200ms", abort=False),), STAGES, 1.0)
    for watch in (errors, idle):
        watch.absorb(second(0, 0.1))
        assert watch.broken_line(1.0) is None
    (series,) = errors._late.series.values()
    assert not series.values
    assert not idle._late.series


def test_a_long_run_is_watched_with_no_more_than_a_short_one() -> None:
    """Hours of good calls are forgotten but for the last windows, and aren't taken for hours without load."""
    lines = (line("request_rate", "> 5/s over 10s"), line("latency", "p(95) < 200ms"))
    watch = AbortWatch(lines, (StageSpan("hold", 0, 36_000),), 1.0)
    for i in range(2_000):
        watch.absorb(second(i, 0.1))
        if i % 10 == 9:
            assert watch.broken_line(i + 1.0) is None
    assert len(watch._late.series) < 40
    assert len(watch._whole.series) == 1
    broken = [watch.broken_line(2_000.0 + late_s) for late_s in range(12)]
    assert broken[0] is None
    assert broken[-1] is not None


def test_a_line_waits_for_its_stage_to_be_old_enough() -> None:
    """`abort_after` counts from the stage's real start, however much of it is forgotten."""
    waiting = replace(line("error_rate", "< 50% for 5s"), abort_after_s=100.0)
    watch, told = AbortWatch((waiting,), STAGES, 1.0), {}
    for i in range(120):
        watch.absorb(second(i, 0.1, outcome="http_5xx"))
        told[i + 1] = watch.broken_line(i + 1.0)
    assert not any(told[s] for s in range(1, 100))
    assert told[100] is not None


@pytest.mark.parametrize(
    ("name", "expression", "calm", "wild"),
    [("target_memory", "max < 512MB", 4e8, 6e8), ("target_requests", "rate < 20/s over 3s", 10.0, 90.0)],
)
def test_what_monitors_read_can_end_a_run(name: str, expression: str, calm: float, wild: float) -> None:
    """A gauge and a counter: nothing while they are calm, and told once they aren't."""
    watch = AbortWatch((line(name, expression),), STAGES, 1.0)
    for i in range(20):
        watch.take_sample(Sample(i + 0.5, "a monitor", name, calm))
        watch.take_sample(Sample(i + 0.5, "a monitor", "target_threads", 1e9))
        assert watch.broken_line(i + 1.0) is None
    broken = []
    for i in range(20, 25):
        watch.take_sample(Sample(i + 0.5, "a monitor", name, wild))
        broken.append(watch.broken_line(i + 1.0))
    assert any(broken)
