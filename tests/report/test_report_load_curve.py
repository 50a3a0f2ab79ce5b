"""Percentiles over their whole range and against the load, and the machine in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tokenswarm.metrics.call import CallRecord
from tokenswarm.report.environment import facts_of
from tokenswarm.report.load_curve import LoadCurve, LoadLevel, knee_of
from tokenswarm.report.run_folder import read_run
from tokenswarm.report.spectrum_charts import spectrum_charts
from tokenswarm.report.summarise import summarise_run
from tokenswarm.report.summary import Summary

from .conftest import STAGES, users_at

RunMaker = Callable[..., Path]


def summarised(make_run: RunMaker, **script: Any) -> Summary:
    """The summary of a run that went so."""
    return summarise_run(read_run(make_run(**script)))


def curve_of(make_run: RunMaker, **script: Any) -> LoadCurve:
    """Its load curve, which it has."""
    curve = summarised(make_run, **script).load_curve
    assert curve is not None
    return curve


def crowded(factor: float) -> Callable[[float], float]:
    """From sixty users on, each one more makes answers slower."""
    return lambda at_s: 1 + factor * max(0, users_at(at_s) - 60)


def test_load_levels_hold_all_calls_of_judged_stages(make_run: RunMaker) -> None:
    """In order of their load, each call once."""
    summary = summarised(make_run, scale=2.0)
    assert summary.load_curve is not None
    levels = summary.load_curve.levels
    assert [level.load for level in levels] == sorted(level.load for level in levels)
    assert summary.load_curve.of == "users"
    assert levels[-1].load == pytest.approx(100, abs=4)
    requests = next(total.value for total in summary.totals if total.metric == "requests")
    assert 0.95 * requests <= sum(level.calls for level in levels) <= requests


def test_an_interval_that_is_judged_in_part_is_in_no_level(make_run: RunMaker) -> None:
    """All its calls would be laid to the moment before the run ended: a rate that never was."""
    run = make_run(scale=2.0, stopped_s=55.02)
    with (run / "samples.jsonl").open("a", encoding="utf-8") as samples:
        samples.write('{"at_s": 55.01, "source": "master", "name": "users", "value": 55}\n')
    curve = summarise_run(read_run(run)).load_curve
    assert curve is not None
    assert all(level.seconds == round(level.seconds) for level in curve.levels)


def test_the_knee_is_where_more_load_brings_more_waiting(make_run: RunMaker) -> None:
    """Throughput is bounded from sixty users on, latency is not."""
    curve = curve_of(make_run, scale=2.0, slowness=crowded(0.2))
    assert curve.knee is not None
    assert 40 <= curve.knee <= 80
    assert curve.sentence.startswith(f"The knee is at about {curve.knee:.4g} users: ")


def test_without_a_bend_there_is_no_knee(make_run: RunMaker) -> None:
    """The highest load is the best: nobody knows what comes beyond it."""
    curve = curve_of(make_run, scale=2.0)
    assert curve.knee is None
    assert "No knee between" in curve.sentence


@pytest.mark.parametrize(
    ("powers", "knee"),
    [
        ((1.0, 2.0, 3.0, 2.0), 3),
        ((1.0, 2.0, 3.0, 2.7), None),  # nearly as good: it may be chance
        ((1.0, 2.0, 3.0, 4.0), None),
        ((4.0, 3.0, 2.0, 1.0), None),  # all of it lies beyond the knee
    ],
)
def test_a_knee_has_less_power_on_both_sides(powers: Sequence[float], knee: float | None) -> None:
    """And clearly less beyond it. Power is throughput by mean latency."""
    levels = [
        LoadLevel(load, 10.0, 100, 10.0 * power, 0.0, 10.0, 9.0, 20.0, 30.0, None)
        for load, power in enumerate(powers, start=1)
    ]
    assert knee_of(levels) == knee


def test_an_even_load_has_no_curve(make_run: RunMaker) -> None:
    """One level says nothing of others, and arrivals by chance are no load."""
    stages = [{"name": name, "duration": f"{s}s", "rate": 20} for name, s, _, _ in STAGES]
    even = {"name": "even", "arrivals": "poisson", "max_in_flight": 50, "stages": stages}
    assert summarised(make_run, profile=even, slo=None).load_curve is None


def test_few_calls_have_no_curve(make_run: RunMaker) -> None:
    """Percentiles of five calls are none."""
    assert summarised(make_run, scale=0.02).load_curve is None


def test_a_spectrum_ends_where_no_call_is_left_to_tell(make_run: RunMaker) -> None:
    """A thousand calls bear p99.9 and not p99.99; the last value is the slowest call's at most."""
    summary = summarised(make_run, scale=1.0)
    spectrum = next(one for one in summary.spectra if (one.metric, one.name) == ("latency", "all calls"))
    assert 1000 < spectrum.count < 10_000
    reached = spectrum.percentiles[-1]
    assert 99.9 <= reached < 99.99
    assert (100 - reached) / 100 * spectrum.count >= 1 - 1e-6
    assert list(spectrum.values_ms) == sorted(spectrum.values_ms)
    row = next(row for row in summary.spreads if (row.metric, row.group) == ("latency", "all"))
    for percentile, value in ((50.0, row.p50_ms), (95.0, row.p95_ms), (99.0, row.p99_ms)):
        assert spectrum.values_ms[spectrum.percentiles.index(percentile)] == value
    assert row.max_ms is not None
    assert spectrum.values_ms[-1] <= row.max_ms


def test_spectra_tell_parts_apart_that_are_parts(make_run: RunMaker) -> None:
    """Prompts of three sizes; where all are short, the line would be drawn twice."""
    assert {one.name for one in summarised(make_run).spectra} == {
        "all calls",
        "short prompts",
        "medium prompts",
        "long prompts",
    }


def test_one_size_of_prompt_is_all_of_it(make_run: RunMaker) -> None:
    """No second line over the first; whole answers have no first token."""

    def short(record: CallRecord, _rng: Random) -> None:
        record.prompt = "short"

    spectra = summarised(make_run, alter=short, streaming=0.0).spectra
    assert [(one.metric, one.name) for one in spectra] == [("latency", "all calls")]


def test_calls_past_the_gateway_and_from_the_cache_have_their_spectra(make_run: RunMaker) -> None:
    """Beside all others: their distance is what the gateway adds, and what its cache saves."""

    def alter(record: CallRecord, rng: Random) -> None:
        record.arm = "provider" if rng.random() < 0.3 else "gateway"
        record.cache = "hit" if rng.random() < 0.5 and record.arm == "gateway" else ""

    spectra = {one.name: one for one in summarised(make_run, alter=alter).spectra if one.metric == "latency"}
    assert spectra["from a cache"].count < spectra["all calls"].count
    assert 0 < spectra["straight to the provider"].count < spectra["all calls"].count
    charts = spectrum_charts(tuple(spectra.values()))
    assert [curve.name for curve in charts[0].curves] == list(spectra)
    assert charts[0].curves[-1].is_dashed


@pytest.mark.parametrize(
    ("environment", "facts"),
    [
        ({"cpu": "EPYC", "cores": 2}, [("CPU", "EPYC"), ("cores that it may use", "2")]),
        ({"memory_bytes": 25276514304}, [("memory", "25.28GB")]),
        (
            {"memory_limit_bytes": None, "cpu_limit_cores": 1.5, "git_commit": None},
            [("container's memory limit", "none"), ("container's CPU limit", "1.5 cores")],
        ),
        ({"memory_bytes": "a lot", "its_own": ["x"]}, [("memory", "a lot"), ("its own", "['x']")]),
    ],
)
def test_the_machine_is_told_in_words(environment: Mapping[str, Any], facts: list[tuple[str, str]]) -> None:
    """That there is no limit is told; what isn't known is not."""
    assert [tuple(fact) for fact in facts_of(environment)] == facts
