"""A run as it stands, for who shows it to others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tokenswarm.metrics.gauge import Sample
from tokenswarm.metrics.histogram import Histogram
from tokenswarm.metrics.judge import judge
from tokenswarm.metrics.kept_samples import KeptSamples
from tokenswarm.metrics.measurements import Measurements
from tokenswarm.metrics.series import Delta, Labels, Series, SeriesKey
from tokenswarm.metrics.source import StageSpan
from tokenswarm.metrics.standing import RUNNING, MonitorStanding, Standing, WorkerStanding
from tokenswarm.metrics.threshold_grammar import parse_expression, parse_subject
from tokenswarm.metrics.thresholds import Level, Status, Threshold

STAGES = (StageSpan("warm-up", 0, 5, is_warmup=True), StageSpan("hold", 5, 60))
NASTY = 'a "model", with\\everything=\nin it\\'


def histogram(*values: float) -> Histogram:
    made = Histogram()
    made.fold(values)
    return made


def delta() -> Delta:
    """Four calls through the gateway, one failed, one of the warm-up; one past it."""
    good = Labels(prompt="short", stream="true", arm="gateway", outcome="success", model=NASTY)
    times = {"latency": histogram(0.1, 0.2), "ttft": histogram(0.01, 0.02)}
    series = {
        SeriesKey(6, "hold", good): Series({"calls": 2, "output_tokens": 30, "cost": 0.5}, times),
        SeriesKey(6, "hold", good._replace(outcome="http_5xx", status="503")): Series(
            {"calls": 1}, {"latency": histogram(9.0), "generator_lag": histogram(0.001)}
        ),
        SeriesKey(1, "warm-up", good): Series({"calls": 1}, {"latency": histogram(0.4)}),
        SeriesKey(6, "hold", good._replace(arm="provider")): Series(
            {"calls": 1}, {"latency": histogram(0.05)}
        ),
    }
    return Delta(1.0, series)


def line(text: str) -> Threshold:
    subject, expression = text.split(": ", 1)
    level = Level("threshold", parse_expression(expression), Status.FAIL)
    return Threshold(parse_subject(subject), (level,))


def monitors() -> tuple[MonitorStanding, ...]:
    """One of a process, one of a page that has requests and a figure of the user's own, one that fails."""
    process = {"target_memory": 512e6, "target_cpu": 0.25, "target_cores": 0.5, "target_threads": 9.0}
    return (
        MonitorStanding("process litellm", "", process, {}, {}),
        MonitorStanding(
            "prometheus http://h/metrics",
            "",
            {"target_queue": 3.0, "target_queue_bytes": 1e3},
            {"target_requests": 40.0, "target_errors_total": 2.0, "target_cost": 0.5},
            {"target_requests": 4.0},
        ),
        MonitorStanding("redis redis://h:1", "Connection refused", {}, {"redis_hits": 7.0}, {}),
    )


@pytest.fixture
def monitored(standing: Callable[..., Standing]) -> Standing:
    """With monitors, a cache as the target counts it, and thresholds on what was read."""
    totals = Measurements(STAGES, 1e9)
    of_target = {"target_latency": histogram(0.1, 0.3), "target_logged_ms": histogram(0.2)}
    totals.absorb(Delta(1.0, {SeriesKey(6, "hold", Labels()): Series({}, of_target)}))
    kept = KeptSamples(("target_memory", "target_cache_hit_rate"), totals)
    for at_s, memory, hits, misses in ((1.0, 9e9, 0, 0), (10.0, 4e8, 0, 0), (20.0, 5e8, 30, 10)):
        kept.take(Sample(at_s, "process litellm", "target_memory", memory))
        kept.take(Sample(at_s, "page", "target_cache_hits", hits))
        kept.take(Sample(at_s, "page", "target_cache_misses", misses))
    lines = [line("target_memory: max < 1GB"), line("target_cache_hit_rate: > 80%")]
    judged = tuple(judge(lines, totals, 30.0))
    return standing(monitors=monitors(), totals=totals, thresholds=judged)


@pytest.fixture
def measured() -> Delta:
    return delta()


@pytest.fixture
def standing() -> Callable[..., Standing]:
    """With the changes that are named."""

    def make(**changes: Any) -> Standing:
        totals = Measurements(STAGES, 1e9)
        totals.absorb(replace(delta(), width_s=1.0))
        lines = [line("latency: p(50) < 150ms"), line("error_rate: < 1%"), line("overhead: p(50) < 1ms")]
        fields: dict[str, Any] = {
            "run": "20260101-run",
            "profile": "own",
            "target": "gateway",
            "scenario": "chat",
            "model": NASTY,
            "state": RUNNING,
            "stage": "hold",
            "elapsed_s": 30.0,
            "total_s": 60.0,
            "users": 7,
            "workers": (
                WorkerStanding("worker-1", 0.25, 3, 2, is_lost=False),
                WorkerStanding("worker-2", None, 1, 5, is_lost=True),
            ),
            "totals": totals,
            "recent": Measurements((StageSpan("recent", 0, 5),), 1e9),
            "thresholds": tuple(judge(lines, totals, 30.0)),
            **changes,
        }
        return Standing(**fields)

    return make
