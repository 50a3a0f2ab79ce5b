"""How much a target carries: the step that broke, the one before it, and what no step can tell."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tokenswarm.metrics.histogram import Histogram
from tokenswarm.metrics.measurements import Measurements
from tokenswarm.metrics.series import NO_LABELS, PLANNED_STARTS, Delta, Labels, Series, SeriesKey
from tokenswarm.profile.pacing import StagePlan
from tokenswarm.profile.schema import Profile
from tokenswarm.report import to_html, to_json, to_markdown, to_text
from tokenswarm.report.breakpoint import breakpoint_of
from tokenswarm.report.run_folder import Run, read_run
from tokenswarm.report.run_lines import RunEvent
from tokenswarm.report.summarise import summarise_run
from tokenswarm.report.summary import Breakpoint

RunMaker = Callable[..., Path]
STEP_S = 10
LIMITS: Mapping[str, Any] = {
    "effective_latency": [{"threshold": "p(95) < 1s over 5s", "abort": True, "min_samples": 50}],
    "latency": ["p(50) < 1ms"],  # broken from the start, and aborts nothing: it decides nothing
}


def step(rate: float, **more: Any) -> dict[str, Any]:
    """A stage of one rate."""
    return {"name": f"rate-{rate:g}", "duration": f"{STEP_S}s", "rate": rate, "transition": "step", **more}


def profile_of(stages: Sequence[Mapping[str, Any]], thresholds: Mapping[str, Any] = LIMITS) -> Profile:
    """An open profile."""
    return Profile.from_resolved(
        {
            "name": "climb",
            "arrivals": "constant",
            "max_in_flight": 100,
            "stages": [dict(stage) for stage in stages],
            "thresholds": dict(thresholds),
        }
    )


def run_of(
    folder: Path, profile: Profile, latency_s: Callable[[float, int], float], stopped: RunEvent | None = None
) -> Run:
    """A run of it in which answers took so long, by planned rate and second of the run."""
    plan = StagePlan(profile.stages)
    end_s = stopped.at_s if stopped is not None else plan.total_s
    stages = [replace(s, end_s=min(s.end_s, end_s)) for s in plan.spans() if s.start_s < end_s]
    measurements = Measurements(stages)
    delta = Delta(1.0)
    for second in range(int(end_s)):
        stage = plan.stage_at(second)
        assert stage is not None
        calls = round(plan.planned_calls(second, second + 1) or 0)
        took_s = latency_s(calls, second)
        answers = Series({"calls": calls})
        for metric in ("latency", "effective_latency"):
            answers.values[metric] = Histogram()
            answers.values[metric].fold([took_s] * calls)
        delta.series[SeriesKey(second, stage.name, Labels(outcome="success", status="200"))] = answers
        delta.series[SeriesKey(second, stage.name, NO_LABELS)] = Series({PLANNED_STARTS: calls})
    measurements.absorb(delta)
    events = (stopped,) if stopped is not None else ()
    return replace(read_run(folder), measurements=measurements, events=events, ended_s=end_s)


def slow_from(rate: float) -> Callable[[float, int], float]:
    """Answers take 100 ms below that rate, and 3 s from it on."""
    return lambda calls, _second: 3.0 if calls >= rate else 0.1


@pytest.fixture
def found(make_run: RunMaker) -> Callable[..., Breakpoint | None]:
    """The breakpoint of a run that went so."""
    folder = make_run()

    def find(
        profile: Profile, latency_s: Callable[[float, int], float], stopped: RunEvent | None = None
    ) -> Breakpoint | None:
        return breakpoint_of(run_of(folder, profile, latency_s, stopped), profile, None)

    return find


STEPS = [step(rate) for rate in (20, 30, 50, 80, 120)]


def test_the_step_before_the_one_that_broke_is_what_it_carries(found: Callable[..., Breakpoint]) -> None:
    """With the line, and its figure; steps after it are not looked at."""
    climb = found(profile_of(STEPS), slow_from(80))
    assert (climb.held_rate, climb.broke_rate) == (50, 80)
    assert climb.broke_line == "effective_latency: p(95) < 1s over 5s (it was 3000ms)"
    assert [(one.rate, one.state) for one in climb.steps] == [
        (20, "held"),
        (30, "held"),
        (50, "held"),
        (80, "broke"),
    ]
    assert [one.request_rate for one in climb.steps] == [20, 30, 50, 80]
    assert climb.steps[-1].latency_p95_ms == pytest.approx(3000, rel=0.005)
    assert climb.sentence.startswith(
        "Limits held up to 50 calls/s. At 80 calls/s it broke: effective_latency"
    )


def test_the_step_that_was_aborted_broke(found: Callable[..., Breakpoint]) -> None:
    """Even if the window that ended the run began in the step before, or too little of it was measured."""
    line = "effective_latency: p(95) < 1s over 5s"
    stopped = RunEvent(32.0, "stopped", {"reason": "aborted", "detail": line})
    climb = found(profile_of(STEPS), slow_from(80), stopped)
    assert (climb.held_rate, climb.broke_rate, climb.broke_line) == (50, 80, line)
    assert climb.steps[-1].end_s == 32.0


def test_who_was_interrupted_broke_nothing(found: Callable[..., Breakpoint]) -> None:
    """Ctrl-C is no limit of the target; the step cut short is judged as far as it went."""
    climb = found(profile_of(STEPS), slow_from(80), RunEvent(28.0, "stopped", {"reason": "interrupted"}))
    assert (climb.held_rate, climb.broke_rate) == (50, None)


def test_a_climb_that_broke_nothing_says_so(found: Callable[..., Breakpoint]) -> None:
    """The highest rate is the most that is known, not the most that it carries."""
    climb = found(profile_of(STEPS), slow_from(1000))
    assert (climb.held_rate, climb.broke_rate, climb.broke_line) == (120, None, "")
    assert climb.sentence.startswith("It did not break: limits held up to 120 calls/s")


def test_the_first_step_may_break(found: Callable[..., Breakpoint]) -> None:
    """Then no rate is known to hold."""
    climb = found(profile_of(STEPS), slow_from(1))
    assert (climb.held_rate, climb.broke_rate) == (None, 20)
    assert "no lower rate" in climb.sentence


def test_a_step_with_too_few_calls_did_not_hold(found: Callable[..., Breakpoint]) -> None:
    """Below min_samples nothing can be told, and that is no pass."""
    climb = found(profile_of([step(rate) for rate in (5, 8, 50)]), slow_from(50))
    assert [one.state for one in climb.steps] == ["unknown", "unknown", "broke"]
    assert climb.held_rate is None


def test_a_ramp_is_cut_into_pieces_no_shorter_than_the_window(found: Callable[..., Breakpoint]) -> None:
    """A minute from 20 to 140 in twelve pieces of 5 s and 10/s: too slow at 100, it held at 85 to 95."""
    ramp = {"name": "ramp", "duration": "1m", "rate": 140, "from": 20}
    climb = found(profile_of([ramp]), slow_from(100))
    assert [one.rate for one in climb.steps] == [25, 35, 45, 55, 65, 75, 85, 95, 105]
    assert (climb.held_rate, climb.broke_rate) == (95, 105)


def test_without_an_abort_all_lines_that_fail_decide(found: Callable[..., Breakpoint]) -> None:
    """But no warning, and no count: a part of a run has fewer calls than the whole."""
    lines = {
        "latency": ["p(95) < 1s", {"threshold": "p(50) < 1ms", "severity": "warn"}],
        "requests": ["count >= 1000"],
        "latency{stage:rate-30}": ["p(95) < 50ms"],
    }
    climb = found(profile_of(STEPS, lines), slow_from(80))
    assert (climb.held_rate, climb.broke_rate) == (20, 30)
    assert climb.broke_line.startswith("latency{stage:rate-30}: p(95) < 50ms (it was 100")


def test_warm_up_and_descent_are_no_part_of_the_climb(found: Callable[..., Breakpoint]) -> None:
    """What is slow on the way down is still recovering."""
    stages = [step(10, warmup=True), *STEPS[:3], {**step(20), "name": "down"}]
    climb = found(profile_of(stages), lambda _calls, second: 3.0 if second < 10 or second >= 40 else 0.1)
    assert [one.stage for one in climb.steps] == ["rate-20", "rate-30", "rate-50"]
    assert (climb.held_rate, climb.broke_rate) == (50, None)


@pytest.mark.parametrize(
    "profile",
    [
        profile_of([step(10, warmup=True), step(50)]),
        profile_of(STEPS, {}),
        Profile.from_resolved(
            {
                "name": "closed",
                "stages": [{"name": "climb", "duration": "9s", "users": 9, "from": 1}],
                "thresholds": {"latency": ["p(95) < 1s"]},
            }
        ),
    ],
    ids=["one rate", "no limits", "closed model"],
)
def test_what_is_no_climb_has_no_breakpoint(
    found: Callable[..., Breakpoint | None], profile: Profile
) -> None:
    """No section, no sentence."""
    assert found(profile, slow_from(30)) is None


def test_every_report_says_how_much_it_carries(make_run: RunMaker) -> None:
    """One sentence in each; the page draws the knee and lists the steps; the JSON has the numbers."""
    profile = profile_of(STEPS)
    run = read_run(make_run())
    summary = replace(
        summarise_run(run),
        breakpoint=breakpoint_of(run_of(run.folder, profile, slow_from(80)), profile, None),
    )
    said = "Limits held up to 50 calls/s. At 80 calls/s it broke"
    assert said in to_text.render(summary)
    assert said in to_markdown.render(summary)
    html = to_html.render(summary)
    assert said in html
    assert html.index('id="timeline"') < html.index('id="load"')
    for text in ("<span>held 50/s</span>", "<span>broke 80/s</span>"):
        assert text in html
    data = json.loads(to_json.render(summary))["breakpoint"]
    assert (data["held_rate"], data["broke_rate"]) == (50, 80)
    assert [one["state"] for one in data["steps"]] == ["held", "held", "held", "broke"]
