"""The open and the closed model in a profile: what belongs to which, and what follows from what is said."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenswarm.errors import ProfileError
from tokenswarm.profile.in_flight import longest_carried_s, mean_latency_s, warn_of_in_flight
from tokenswarm.profile.load import load_profile
from tokenswarm.profile.pacing import StagePlan
from tokenswarm.profile.places import SearchPath
from tokenswarm.profile.scaling import scale_profile
from tokenswarm.profile.schema import Profile

OPEN = "arrivals: poisson\nmax_in_flight: 9\n"


@pytest.fixture
def read(tmp_path: Path) -> Callable[[str], Profile]:
    """Makes a profile of a text."""

    def load(text: str) -> Profile:
        (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
        return load_profile("mine", SearchPath((tmp_path,), tmp_path), {})

    return load


def profile(*stages: dict[str, Any], **more: Any) -> Profile:
    """A profile of these stages, named by their order; open if arrivals are given."""
    rows = [{"name": f"s{i}", **stage} for i, stage in enumerate(stages)]
    return Profile.from_resolved({"name": "p", "stages": rows, **more})


def opened(*stages: dict[str, Any], **more: Any) -> Profile:
    """The same in the open model."""
    return profile(*stages, **{"arrivals": "constant", "max_in_flight": 100, **more})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            OPEN + "stages: [{name: a, duration: 1s, users: 5}]",
            "mine.yaml:3 stages[0].users: users belong to the closed model, and arrivals make this one open",
        ),
        (
            "stages: [{name: a, duration: 1s, users: 5}, {name: b, duration: 1s, rate: 5, users: 5}]",
            "stages[1].rate: a rate belongs to the open model; add arrivals",
        ),
        (
            "max_in_flight: 9\nstages: [{name: a, duration: 1s, rate: 5}]",
            "mine.yaml:1 arrivals: missing; stages with a rate need it: constant, poisson or gamma",
        ),
        (
            "arrivals: poisson\nstages: [{name: a, duration: 1s, rate: 5}]",
            "max_in_flight: missing; the open model needs a limit",
        ),
        (
            "arrivals: possion\nmax_in_flight: 9\nstages: [{name: a, duration: 1s, rate: 5}]",
            "arrivals: got possion, allowed: constant, poisson, gamma; did you mean poisson?",
        ),
        (
            "arrivals: gamma\nmax_in_flight: 9\nstages: [{name: a, duration: 1s, rate: 5}]",
            "burstiness: missing; gamma needs it",
        ),
        (
            OPEN + "burstiness: 2\nstages: [{name: a, duration: 1s, rate: 5}]",
            "burstiness: has no place beside arrivals: poisson",
        ),
        (
            "arrivals: gamma\nburstiness: 0\nmax_in_flight: 0\nstages: [{name: a, duration: 1s, rate: 5}]",
            "burstiness: got 0, need ≥ 0.01",
        ),
        ("arrivals: constant\nmax_in_flight: 0\nstages: []", "max_in_flight: got 0, need ≥ 1"),
        (
            OPEN + "think_time: 100ms\nstages: [{name: a, duration: 1s, rate: 5}]",
            "think_time: has no place in the open model",
        ),
        (OPEN + "stages: [{name: a, duration: 1s}]", "stages[0].rate: missing; each stage of the open model"),
        (OPEN + "stages: [{name: a, rate: 5}]", "stages[0].duration: missing"),
        (OPEN + "stages: [{name: a, duration: 1s, rate: -5}]", "stages[0].rate: got -5, need ≥ 0"),
        (OPEN + "stages: [{name: a, duration: 1s, rate: 0}]", "no judged stage has a rate; need > 0"),
        (
            OPEN + "stages: [{name: a, requests: 5, duration: 1s, rate: 5}]",
            "stages[0].duration: requests ÷ rate say how long the stage is; take duration away",
        ),
        (
            OPEN + "stages: [{name: a, requests: 5}]",
            "stages[0].rate: missing, and no stage follows whose rate it could take",
        ),
        (
            OPEN + "stages: [{name: a, requests: 5, rate: 0}]",
            "stages[0].rate: got 0, need > 0: the requests would never be made",
        ),
        (
            OPEN + "stages: [{name: a, requests: 5}, {name: b, duration: 1s, rate: 9, from: 0}]",
            "stages[0].rate: missing, and the next stage, whose rate it would take, begins at 0",
        ),
        (
            OPEN + "stages: [{name: a, requests: 0, rate: 5}]",
            "stages[0]: requests: got 0, need ≥ 1; only a warm-up may be left out",
        ),
        (
            OPEN + "stages: [{name: a, requests: 5, rate: 5, from: 1}]",
            "stages[0].from: says where a ramp starts, and a stage with requests has none",
        ),
        (
            OPEN + "stages: [{name: a, duration: 1s, rate: 5, from: 1, transition: step}]",
            "stages[0].from: says where a ramp starts, and transition: step has none",
        ),
        (
            "max_in_flight: 9\nstages: [{name: a, duration: 1s, users: 5}]",
            "max_in_flight: belongs to the open model; add arrivals",
        ),
        ("stages: [{name: a, duration: 1s}]", "stages[0].users: missing"),
        (
            "stages: [{name: a, duration: -5s, users: 1}]",
            "stages[0].duration: got -5s, need a duration of 0s or more",
        ),
        (
            "stages: [{name: a, duration: 1s, users: 1}]\nthink_time: -5ms",
            "mine.yaml:2 think_time: got -5ms, need a duration of 0s or more",
        ),
        (
            OPEN + "stages: [{name: a, duration: 1s, rate: 5}, {name: b, duration: 1s, rate: 5, from: -1}]",
            "stages[1].from: got -1, need ≥ 0",
        ),
        (
            OPEN + "stages: [{name: a, requests: 5, rate: 5}, {name: a, duration: 1s, rate: 5}]",
            "stages[1].name: got a, which stages[0] has too; names must differ",
        ),
        ("stages: [{name: a, users: 5}]", "stages[0].duration: missing"),
        ("stages: [{name: a, duration: 1s, users: 5, from: 0.5}]", "got 0.5, need a whole number of users"),
        (
            "stages: [{name: a, requests: 9, users: 5}, {name: b, duration: 1s, users: 5}]",
            "stages[0].requests: users count their calls in the last stage only",
        ),
        (
            "stages: [{name: a, duration: 1s, users: 5}, {name: b, requests: 9, users: 0}]",
            "stages[1].users: got 0, need ≥ 1: the requests would never be made",
        ),
        ("stages: [{name: a, requests: 1.5, users: 5}]", "requests: got 1.5, need a whole number"),
        ("stages: [5, null, {name: a, duration: 1s, rate: x}]", "stages[0]: got 5, need a mapping"),
    ],
)
def test_what_makes_no_sense_is_refused(read: Callable[[str], Profile], text: str, said: str) -> None:
    """With its place, and a way out."""
    with pytest.raises(ProfileError) as caught:
        read(text)
    assert said in str(caught.value)


def test_each_mistake_is_told_once(read: Callable[[str], Profile]) -> None:
    """Two stages without what they need make two lines."""
    with pytest.raises(ProfileError) as caught:
        read(OPEN + "stages: [{name: a, rate: 5}, {name: b, duration: 1s}]")
    assert [line.partition(": ")[0] for line in caught.value.problems] == [
        "mine.yaml:3 stages[0].duration",
        "mine.yaml:3 stages[1].rate",
    ]


def test_damaged_resolved_profile_of_two_models_is_refused() -> None:
    """What was edited by hand gives a message here, too."""
    with pytest.raises(ProfileError, match=r"run\.json: stages\[0\]\.rate: a rate belongs to the open model"):
        Profile.from_resolved(
            {"name": "p", "stages": [{"name": "a", "duration": "1s", "users": 1, "rate": 2}]}, "run.json"
        )


@pytest.mark.parametrize(
    "whole",
    [
        opened({"requests": 30, "warmup": True}, {"duration": "2s", "rate": 60, "from": 20}),
        opened({"duration": "2s", "rate": 1.5}, arrivals="gamma", burstiness=0.5),
        profile({"duration": "2s", "users": 1, "from": 0}, {"requests": 9, "users": 3}),
        profile({"duration": "1s", "users": 1}, expect={"status": [200, 429], "json": ["a.b[0]"]}),
    ],
)
def test_resolved_profile_reads_back_as_itself(whole: Profile) -> None:
    """It is a file that a user could have written."""
    again = Profile.from_resolved(whole.resolved())
    assert again == whole
    assert again.resolved() == whole.resolved()


def test_rate_follows_the_stages() -> None:
    """The first stage keeps its own, a ramp goes from stage to stage or from `from`, a step is at once."""
    plan = StagePlan(
        opened(
            {"duration": "10s", "rate": 100},
            {"duration": "10s", "rate": 300},
            {"duration": "10s", "rate": 50, "transition": "step"},
            {"duration": "10s", "rate": 20, "from": 0},
        ).stages
    )
    at = {-1: 100, 0: 100, 9.9: 100, 10: 100, 15: 200, 20: 50, 29: 50, 30: 0, 35: 10, 40: 0}
    assert {at_s: plan.rate_at(at_s) for at_s in at} == pytest.approx(at)
    assert (plan.is_open, plan.peak, plan.total_s) == (True, 300, 40)
    assert plan.users_at(15) == 0


@pytest.mark.parametrize(
    ("from_s", "to_s", "calls"),
    [(0, 10, 1000), (10, 20, 2000), (10, 15, 750), (12, 13, 150), (5, 15, 1250), (-5, 99, 3000), (20, 30, 0)],
)
def test_planned_calls_are_the_integral_of_the_rate(from_s: float, to_s: float, calls: float) -> None:
    """Of any span, on a ramp too."""
    plan = StagePlan(opened({"duration": "10s", "rate": 100}, {"duration": "10s", "rate": 300}).stages)
    assert plan.planned_calls(from_s, to_s) == pytest.approx(calls)


@given(
    st.lists(st.tuples(st.integers(1, 5000), st.integers(0, 500)), min_size=1, max_size=5),
    st.lists(st.floats(0, 30), min_size=2, max_size=5),
)
def test_planned_calls_of_parts_add_up(rows: list[tuple[int, int]], cuts: list[float]) -> None:
    """However a run is cut."""
    last = {"duration": "1s", "rate": 1}
    plan = StagePlan(opened(*({"duration": f"{ms}ms", "rate": rate} for ms, rate in rows), last).stages)
    cuts = sorted(cuts)
    parts = [plan.planned_calls(low, high) or 0 for low, high in pairwise(cuts)]
    assert sum(parts) == pytest.approx(plan.planned_calls(cuts[0], cuts[-1]), abs=1e-6)


def test_closed_model_has_no_rate() -> None:
    """How many calls users make depends on the target: there is no figure, rather than a zero."""
    plan = StagePlan(profile({"duration": "10s", "users": 5}).stages)
    assert (plan.is_open, plan.rate_at(5), plan.planned_calls(0, 10)) == (False, None, None)


def test_stage_with_requests_is_as_long_as_they_take() -> None:
    """It takes the rate at which the next stage begins; so does one before another of its kind."""
    stages = opened(
        {"requests": 100, "warmup": True},
        {"requests": 50, "warmup": True},
        {"duration": "1s", "rate": 500, "from": 50},
        {"requests": 10, "rate": 2.5},
    ).stages
    assert [stage.rate for stage in stages] == [50, 50, 500, 2.5]
    assert [span.end_s for span in StagePlan(stages).spans()] == [2, 3, 4, 8]
    assert StagePlan(stages).rate_at(2.9) == 50
    assert StagePlan(stages).rate_at(7.9) == 2.5


def test_warm_up_of_no_requests_is_left_out() -> None:
    """PERF_TEST_WARMUP=0 leaves a run without one."""
    stages = opened({"requests": 0, "warmup": True}, {"duration": "1s", "rate": 500}).stages
    assert [stage.name for stage in stages] == ["s1"]


def test_users_that_count_their_calls_start_together() -> None:
    """Ten users make the thousand calls, from the first on; the stage before has no say."""
    stages = profile({"duration": "10s", "users": 2}, {"requests": 1000, "users": 10}).stages
    plan = StagePlan(stages)
    assert [plan.users_at(at_s) for at_s in (9.9, 10, 300, 609)] == [2, 10, 10, 10]
    assert (stages[1].requests, stages[1].duration_s, plan.total_s) == (1000, 600, 610)
    assert profile({"requests": 9, "users": 1, "duration": "30s"}).stages[0].duration_s == 30


def test_first_ramp_may_start_at_nothing() -> None:
    """As k6's do."""
    plan = StagePlan(profile({"duration": "30s", "users": 10, "from": 0}).stages)
    assert [plan.users_at(at_s) for at_s in (0, 3, 15, 29.9)] == [0, 1, 5, 10]


def test_time_scale_shrinks_what_is_counted_and_keeps_rates() -> None:
    """A tenth of the time is a tenth of the calls, and one at least."""
    whole = opened(
        {"requests": 5, "warmup": True}, {"duration": "10s", "rate": 100}, {"requests": 400, "rate": 50}
    )
    small = scale_profile(whole, 0.1)
    assert [stage.rate for stage in small.stages] == [100, 100, 50]
    assert [stage.requests for stage in small.stages] == [1, None, 40]
    assert [stage.duration_s for stage in small.stages] == pytest.approx([0.01, 1, 0.8])
    counted = scale_profile(profile({"requests": 1000, "users": 10}), 0.1).stages[0]
    assert (counted.requests, counted.users, counted.duration_s) == (100, 10, 60)


def test_cap_below_what_the_rate_needs_is_warned_of() -> None:
    """In flight = rate × latency."""
    some = opened({"duration": "1s", "rate": 250}, {"duration": "1s", "rate": 1000})
    assert longest_carried_s(some) == 0.1
    assert warn_of_in_flight(some, 0.1) is None
    assert warn_of_in_flight(some, 0.25) == (
        "max_in_flight: 100 is too few: 1000 calls/s × 250ms an answer = 250 in flight; calls beyond are"
        " dropped. Raise it to 250 or more, or lower the rate"
    )
    assert warn_of_in_flight(profile({"duration": "1s", "users": 1}), 9) is None
    assert warn_of_in_flight(some, None) is None


@pytest.mark.parametrize(
    ("latency_s", "mean_s"), [({True: 2.0, False: 1.0}, 1.25), ({False: 1.0}, 1.0), ({}, None)]
)
def test_latency_of_a_mix_is_weighted_by_its_shares(
    latency_s: dict[bool, float], mean_s: float | None
) -> None:
    """A quarter of the calls stream; a kind that failed is left out."""
    mixed = opened({"duration": "1s", "rate": 9}, streaming=0.25)
    assert mean_latency_s(mixed, latency_s) == mean_s
