"""Slopes over long runs and how sure they are."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from tokenswarm.metrics.call import CallRecord
from tokenswarm.metrics.collector import Collector
from tokenswarm.metrics.drift import MOST_BATCHES, Point, points_of_samples, read_slope, trend_of
from tokenswarm.metrics.gauge import Sample, Samples
from tokenswarm.metrics.judge import judge
from tokenswarm.metrics.measurements import Measurements
from tokenswarm.metrics.source import Aggregation, Selector, StageSpan
from tokenswarm.metrics.threshold_grammar import parse_expression, parse_subject
from tokenswarm.metrics.thresholds import Level, Status, Threshold, ThresholdResult
from tokenswarm.metrics.units import BYTES_SLOPE, DRIFT, format_figure

VALUE = Aggregation("value")
HOUR_S = 3600.0
STAGES = (StageSpan("warm-up", 0, 60, is_warmup=True), StageSpan("hold", 60, 60 + HOUR_S))


def points(values: list[float]) -> list[Point]:
    return [Point(float(i), value) for i, value in enumerate(values)]


def soak(rise: float, *, spread: float = 0.2, stages: tuple[StageSpan, ...] = STAGES) -> Measurements:
    """Four calls a second whose latency of 100 ms rises by this share an hour; slow ones in the warm-up."""
    rng, measurements = Random(1), Measurements(stages, 8.0)
    collector = Collector(0.0, 8.0)
    for i in range(int(stages[-1].end_s * 4)):
        at_s = i / 4
        stage = next(stage for stage in stages if at_s < stage.end_s)
        took_s = 0.1 * (1 + rise * (at_s - 60) / HOUR_S) * rng.lognormvariate(0, spread)
        record = CallRecord(at_s - took_s)
        record.started_at_s = record.sent_at_s = at_s - took_s
        record.ended_at_s, record.stage, record.status = at_s, stage.name, 200
        if stage.is_warmup:
            record.sent_at_s -= 5.0
        collector.record(record)
    measurements.absorb(collector.drain())
    return measurements


def judged(text: str, source: Measurements) -> ThresholdResult:
    subject, _, expression = text.partition(": ")
    level = Level("threshold", parse_expression(expression), Status.FAIL)
    (result,) = judge([Threshold(parse_subject(subject), (level,))], source)
    return result


def test_a_line_has_its_own_slope_and_no_doubt() -> None:
    """Two a second, and the interval is nothing else."""
    trend = trend_of(points([10 + 2 * i for i in range(30)]))
    assert trend is not None
    assert (trend.slope, trend.low, trend.high, trend.level) == pytest.approx((2, 2, 2, 39))


def test_a_fifth_of_the_points_moves_no_slope_far() -> None:
    """Minutes in which something else went on, all of them at one end."""
    values = [100.0 + 0.1 * i for i in range(40)]
    values[33:] = [900.0] * 7
    trend = trend_of(points(values))
    assert trend is not None
    assert trend.slope == pytest.approx(0.1, abs=0.05)


def test_few_points_are_as_unsure_as_their_furthest_pairs() -> None:
    """With five of them no interval can be had from their order."""
    trend = trend_of(points([0.0, 3.0, 1.0, 2.0, 2.0]))
    assert trend is not None
    assert (trend.low, trend.high) == (-2.0, 3.0)
    assert trend_of(points([1.0])) is None


@pytest.mark.parametrize("correlation", [0.0, 0.6])
def test_the_interval_holds_the_truth_about_nineteen_times_in_twenty(correlation: float) -> None:
    """Also where neighbouring points resemble each other. Exactly known seeds: this can't fail by chance."""
    held, runs = 0, 300
    for seed in range(runs):
        noise = np.random.default_rng(seed).normal(size=100)
        for i in range(1, len(noise)):
            noise[i] += correlation * noise[i - 1]
        trend = trend_of(points([5 + 0.02 * i + x for i, x in enumerate(noise[-MOST_BATCHES:].tolist())]))
        assert trend is not None
        held += trend.low <= 0.02 <= trend.high
    assert 0.92 <= held / runs <= 0.99


def test_many_samples_become_as_many_points_as_parts_of_the_run() -> None:
    """600 samples of a memory that grows by 10 MB an hour, with a spike in it."""
    samples = [Sample(i * 6.0, "target", "target_memory", 50e6 + 10e6 * i / 600) for i in range(600)]
    samples[300] = Sample(1800.0, "target", "target_memory", 900e6)
    assert len(points_of_samples(samples)) == MOST_BATCHES
    reading = read_slope(samples, BYTES_SLOPE)
    assert reading.value == pytest.approx(10e6 / HOUR_S, rel=0.01)
    assert format_figure(10e6 / HOUR_S, BYTES_SLOPE) == "10MB/h"
    same_time = [Sample(1.0, "target", "target_memory", 1.0)] * 3
    assert read_slope(same_time, BYTES_SLOPE).value is None


@pytest.mark.parametrize("rise", [-0.2, 0.0, 0.3])
def test_the_drift_of_latency_is_found_within_its_interval(rise: float) -> None:
    """An hour; the warm-up's slow calls count in nothing."""
    reading = soak(rise).read("latency_drift", VALUE, Selector())
    # The median of the judged hour is that of its middle.
    truth = rise / (1 + rise / 2)
    assert reading.value is not None
    assert reading.low is not None
    assert reading.high is not None
    assert reading.low <= truth <= reading.high
    assert reading.high - reading.low < 0.1
    assert reading.samples == HOUR_S * 4
    assert (reading.low <= 0 <= reading.high) == (rise == 0)


def test_a_drift_finer_than_a_bucket_is_found() -> None:
    """Half a per cent in an hour, where buckets are one per cent wide."""
    reading = soak(0.005, spread=0.02).read("latency_drift", VALUE, Selector())
    assert reading.value == pytest.approx(0.005, abs=0.002)
    assert reading.low is not None
    assert reading.low > 0


def test_a_drift_line_needs_its_whole_interval_on_one_side() -> None:
    """Below the limit it holds, above it is broken, and between them nobody knows."""
    steady, rising = soak(0.0), soak(0.3)
    assert judged("latency_drift: < 10%/h", steady).status is Status.PASS
    broken = judged("latency_drift{stage:hold}: < 10%/h", rising)
    assert broken.status is Status.FAIL
    assert broken.first_breach_s == STAGES[-1].end_s
    unknown = judged("latency_drift: < 0%/h", steady)
    assert unknown.status is Status.INCONCLUSIVE
    assert "95% interval" in unknown.reason
    assert "%/h to " in unknown.reason


def test_a_short_run_has_no_drift() -> None:
    """A slope an hour from ten minutes is a guess; and without streams there is none of the first token."""
    short = soak(0.0, stages=(StageSpan("hold", 0, 600),))
    result = judged("latency_drift: < 10%/h", short)
    assert result.status is Status.INCONCLUSIVE
    assert "needs 900s" in result.reason
    assert soak(0.0).read("ttft_drift", VALUE, Selector()).value is None


def test_a_slope_of_memory_is_judged_by_its_interval() -> None:
    """10 MB an hour within noise of 1 MB: less than 20 surely, more than 5 surely."""
    source, rng = Measurements(STAGES, 8.0), Random(2)
    source.samples = Samples(
        Sample(float(at_s), "target", "target_memory", 50e6 + 10e6 * at_s / HOUR_S + rng.gauss(0, 1e6))
        for at_s in range(0, 3660, 6)
    )
    assert judged("target_memory: slope < 20MB/h", source).status is Status.PASS
    assert judged("target_memory: slope < 5MB/h", source).status is Status.FAIL
    assert judged("target_memory: slope < 10MB/h", source).status is Status.INCONCLUSIVE


def test_a_drift_is_shown_by_the_hour() -> None:
    """As it is written."""
    assert format_figure(0.0123, DRIFT) == "1.23%/h"
