"""The files under profiles/: they load, say what they promise, and hold no secret."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from tokenswarm.errors import ProfileError
from tokenswarm.metrics.catalogue import METRICS
from tokenswarm.metrics.source import StageSpan
from tokenswarm.mock.faults import MODES
from tokenswarm.profile.arrivals import Schedule
from tokenswarm.profile.expectations import Expectations
from tokenswarm.profile.load import load_profile, load_slo, load_target
from tokenswarm.profile.pacing import StagePlan
from tokenswarm.profile.places import SearchPath
from tokenswarm.profile.thresholds import thresholds_of
from tokenswarm.wire.socket_dialect import MOCK_MESSAGES

PLACES = SearchPath.of(Path(__file__).parents[2])


@pytest.mark.parametrize("name", PLACES.names("profile"))
def test_profile_and_its_slo_make_a_verdict(name: str) -> None:
    """Each loads without an environment, has an SLO, and every line of both can be judged together."""
    profile = load_profile(name, PLACES, {})
    assert profile.name == name
    assert profile.description
    assert profile.slo is not None
    assert thresholds_of(profile, load_slo(profile.slo, PLACES, {}))


@pytest.mark.parametrize(
    ("name", "total_s", "most"),
    [
        ("smoke", 10, 5),
        ("messages", 10, 5),
        ("responses", 10, 5),
        ("completions", 10, 5),
        ("embeddings", 10, 5),
        ("load", 160, 50),
        ("ramp", 220, 100),
        ("stress", 120, 100),
        ("spike", 35, 100),
        ("soak", 1830, 20),
        ("baseline", 605, 1),
        ("throughput", 603, 10),
        ("proxy-001", 120, 50),
        ("edge-004", 210, 100),
        ("overhead", 50, 10),
        ("failover", 135, 10),
        ("ci", 30.1, 1000),
        ("breakpoint", 242.5, 2000),
        ("websocket", 110, 150),
        ("websocket-soak", 1830, 100),
        ("realtime", 80, 100),
    ],
)
def test_profile_is_as_long_and_as_heavy_as_documented(name: str, total_s: float, most: int) -> None:
    """docs/profiles.md and `make help` say so; the most users, or calls per second."""
    profile = load_profile(name, PLACES, {})
    assert StagePlan(profile.stages).total_s == total_s
    assert max(stage.rate or stage.users for stage in profile.stages) == most


def test_spike_is_one() -> None:
    """Ten users, a hundred within the same second, ten again."""
    plan = StagePlan(load_profile("spike", PLACES, {}).stages)
    assert [plan.users_at(at_s) for at_s in (14.9, 15.0, 24.9, 25.0)] == [10, 100, 100, 10]


def test_soak_is_as_long_as_asked_for() -> None:
    """SOAK_DURATION=8h tokenswarm run soak."""
    assert load_profile("soak", PLACES, {"SOAK_DURATION": "8h"}).stages[-1].duration_s == 28800


def test_websocket_holds_the_numbers_that_were_asked_for() -> None:
    """Fifty connections to warm up, a hundred held, a hundred and fifty held; and a target that says how."""
    plan = StagePlan(load_profile("websocket", PLACES, {}).stages)
    assert [plan.users_at(at_s) for at_s in (9.9, 25.0, 60.0, 75.0, 109.0)] == [50, 100, 100, 150, 150]
    target = load_target("websocket", PLACES, {})
    # The file that users copy says what the mock's own chat is.
    assert target.websocket.messages() == MOCK_MESSAGES


def test_ci_is_a_thousand_calls_a_second() -> None:
    """A hundred calls that aren't judged, half a minute at a thousand, 200 in flight, five seconds."""
    profile = load_profile("ci", PLACES, {})
    plan = StagePlan(profile.stages)
    assert plan.spans() == [StageSpan("warm-up", 0, 0.1, True), StageSpan("hold", 0.1, 30.1)]
    assert (plan.planned_calls(0, 0.1), plan.planned_calls(0.1, 30.1)) == (100, 30_000)
    assert (profile.max_in_flight, profile.timeouts.total_s) == (200, 5)
    assert profile.arrivals is not None
    due = list(Schedule(plan, profile.arrivals, seed=1).due_times())
    assert (len(due), sum(at_s < 0.1 for at_s in due)) == (30_100, 100)


def test_ci_takes_its_numbers_from_the_environment() -> None:
    """The variables that CI jobs set; no warm-up at all with PERF_TEST_WARMUP=0."""
    environ = {"PERF_TEST_DURATION": "1m30s", "PERF_TEST_RATE": "500", "PERF_TEST_TIMEOUT": "10s"}
    profile = load_profile("ci", PLACES, {**environ, "PERF_TEST_WARMUP": "0"})
    assert [(stage.name, stage.duration_s, stage.rate) for stage in profile.stages] == [("hold", 90, 500)]
    assert profile.timeouts.total_s == 10


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("PERF_TEST_DURATION", "30", "stages[1].duration: got 30, need a duration with its unit"),
        ("PERF_TEST_DURATION", "-5s", "stages[1].duration: got -5s, need a duration"),
        ("PERF_TEST_RATE", "1000/s", "stages[1].rate: got 1000/s, need a number"),
        ("PERF_TEST_RATE", "-1", "stages[1].rate: got -1, need ≥ 0"),
        ("PERF_TEST_RATE", "0", "stages: no judged stage has a rate; need > 0 in at least one"),
        ("PERF_TEST_RATE", "2e9", "stages[1].rate: got 2000000000.0, need ≤ 1000000"),
        ("PERF_TEST_WARMUP", "yes", "stages[0].requests: got yes, need a whole number"),
        ("PERF_TEST_TIMEOUT", "fast", "timeouts.total: got fast, need a duration"),
    ],
)
def test_ci_refuses_what_it_cannot_read(name: str, value: str, said: str) -> None:
    """Before any load, with the name of the variable."""
    with pytest.raises(ProfileError) as caught:
        load_profile("ci", PLACES, {name: value})
    assert said in str(caught.value)


def test_proxy_ramps_from_nothing_and_expects_refusals() -> None:
    """30 s to 10 users, 1 min to 50, 30 s to none, 100 ms between calls, 200 or 429."""
    profile = load_profile("proxy-001", PLACES, {})
    plan = StagePlan(profile.stages)
    at = {0: 0, 15: 5, 30: 10, 60: 30, 90: 50, 105: 25, 119.9: 0}
    assert {at_s: plan.users_at(at_s) for at_s in at} == at
    assert Expectations(profile.expect).checks == ("status is 200 or 429", "latency < 500ms")
    assert profile.think_time.next(Random(1)) == 0.1
    lines = {line.text for line in thresholds_of(profile, load_slo("proxy-001", PLACES, {}))}
    assert lines == {
        "latency: p(95) < 500ms",
        "overhead: p(95) < 500ms",
        "error_rate: < 1%",
        "request_rate{stage:climb}: >= 100/s",
        "check_rate: >= 97%",
    }


def test_edge_agent_holds_twice_and_must_say_where_answers_come_from() -> None:
    """30 s to 50 users, 1 min, 30 s to 100, 1 min, 30 s to none; each answer has metadata."""
    profile = load_profile("edge-004", PLACES, {})
    plan = StagePlan(profile.stages)
    at = {0: 0, 15: 25, 30: 50, 89: 50, 105: 75, 120: 100, 179: 100, 195: 50, 209.9: 0}
    assert {at_s: plan.users_at(at_s) for at_s in at} == at
    assert Expectations(profile.expect).checks == ("status is 200", "has metadata", "latency < 100ms")
    lines = {line.text for line in thresholds_of(profile, load_slo("edge-004", PLACES, {}))}
    assert lines == {
        "latency: p(95) < 100ms",
        "overhead: p(95) < 20ms",
        "error_rate: < 1%",
        "check_rate: >= 97%",
    }


def test_overhead_is_measured_past_the_gateway_and_held_to_20_ms() -> None:
    """Enough calls in each arm for a p99; lines of what a target can't tell don't count."""
    profile = load_profile("overhead", PLACES, {})
    assert profile.paired is not None
    assert profile.paired.share == 0.3
    lines = thresholds_of(profile, load_slo("overhead", PLACES, {}))
    limits = {line.text: line.if_measured for line in lines}
    assert limits == {
        "overhead_ttft: p(95) < 20ms": True,
        "overhead: p(95) < 20ms": True,
        "paired_overhead_ttft: p(50) < 20ms": True,
        "paired_overhead: p(50) < 20ms": True,
        "error_rate: < 1%": False,
    }


def test_failover_breaks_the_primary_in_six_ways_and_mends_it_each_time() -> None:
    """A stage for each, half of it to come back; by the mock provider's own modes."""
    profile = load_profile("failover", PLACES, {})
    plan = StagePlan(profile.stages)
    faults, ends = profile.actions[::2], profile.actions[1::2]
    assert {action.to for action in profile.actions} == {"primary"}
    assert [action.body["mode"] for action in faults] == ["503", "refuse", "429", "cut", "hang", "slow"]
    assert [action.body for action in ends] == [{"down": False}] * 6
    assert [action.at_s(plan) for action in faults] == [15, 35, 55, 75, 95, 115]
    assert [action.at_s(plan) for action in ends] == [25, 45, 65, 85, 105, 125]
    assert {action.body["mode"] for action in faults} <= MODES.keys()


@pytest.mark.parametrize(("name", "requests", "users"), [("baseline", 50, 1), ("throughput", 1000, 10)])
def test_counted_calls_come_after_a_warm_up(name: str, requests: int, users: int) -> None:
    """Single calls for a baseline; a thousand at ten in flight for throughput."""
    warm_up, calls = load_profile(name, PLACES, {}).stages
    assert (warm_up.warmup, calls.warmup) == (True, False)
    assert (calls.requests, calls.users, calls.duration_s) == (requests, users, 600)


def test_breakpoint_climbs_until_a_limit_stops_it() -> None:
    """Every step is higher and as long as the others, and some line aborts."""
    profile = load_profile("breakpoint", PLACES, {})
    steps = profile.stages[1:]
    rates = [stage.rate or 0 for stage in steps]
    assert rates == sorted(set(rates))
    assert [stage.name for stage in steps] == [f"rate-{rate:g}" for rate in rates]
    assert {(stage.duration_s, stage.transition) for stage in steps} == {(20, "step")}
    lines = thresholds_of(profile, load_slo(profile.slo or "", PLACES, {}))
    assert {line.subject.metric for line in lines if line.abort} == {
        "effective_latency",
        "error_rate",
        "dropped_rate",
    }


LATENCY = {
    "production": ["0.1 0.15", "0.2 0.3", "0.3 0.5"],
    "development": ["0.15 0.3", "0.3 0.5", "0.5 1.0"],
    "degraded": ["0.3", "0.5", "1.0"],
}


@pytest.mark.parametrize("name", LATENCY)
def test_slo_states_its_tiers(name: str) -> None:
    """p50, p95 and p99 with the next tier's figure as the outer limit, and the shares all have in common."""
    slo = load_slo(name, PLACES, {})
    lines = thresholds_of(load_profile("smoke", PLACES, {}).model_copy(update={"thresholds": {}}), slo)
    limits = [(line.subject.metric, [level.limit(line.subject) for level in line.levels]) for line in lines]
    shown = [" ".join(str(limit) for limit in own) for metric, own in limits if metric == "latency"]
    assert shown == LATENCY[name]
    assert limits[3:] == [
        ("error_rate", [0.005, 0.01]),
        ("availability", [0.995, 0.99]),
        ("cache_hit_rate", [0.3, 0.2]),
    ]
    assert [line.if_measured for line in lines] == [False] * 5 + [True]


@pytest.mark.parametrize("name", PLACES.names("SLO"))
def test_every_line_that_may_break_has_a_hint(name: str) -> None:
    """Beside a breach the report says what to look at first."""
    slo = load_slo(name, PLACES, {})
    assert {key.partition("{")[0] for key in slo.thresholds} <= slo.hints.keys() <= METRICS.keys()
    assert all(slo.hints.values())


@pytest.mark.parametrize("name", PLACES.names("target"))
def test_target_is_whole(name: str) -> None:
    """An example that loads as it stands."""
    target = load_target(name, PLACES, {})
    assert target.name == name
    assert target.key({}) is None
