"""The files under profiles/: they load, say what they promise, and hold no secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from tokenswarm.metrics.catalogue import METRICS
from tokenswarm.profile.load import load_profile, load_slo, load_target
from tokenswarm.profile.pacing import StagePlan
from tokenswarm.profile.places import SearchPath
from tokenswarm.profile.thresholds import thresholds_of

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
    ("name", "total_s", "most_users"),
    [
        ("smoke", 10, 5),
        ("load", 160, 50),
        ("ramp", 220, 100),
        ("stress", 120, 100),
        ("spike", 35, 100),
        ("soak", 1830, 20),
    ],
)
def test_profile_is_as_long_and_as_heavy_as_documented(name: str, total_s: float, most_users: int) -> None:
    """docs/profiles.md and `make help` say so."""
    profile = load_profile(name, PLACES, {})
    assert StagePlan(profile.stages).total_s == total_s
    assert max(stage.users for stage in profile.stages) == most_users


def test_spike_is_one() -> None:
    """Ten users, a hundred within the same second, ten again."""
    plan = StagePlan(load_profile("spike", PLACES, {}).stages)
    assert [plan.users_at(at_s) for at_s in (14.9, 15.0, 24.9, 25.0)] == [10, 100, 100, 10]


def test_soak_is_as_long_as_asked_for() -> None:
    """SOAK_DURATION=8h tokenswarm run soak."""
    assert load_profile("soak", PLACES, {"SOAK_DURATION": "8h"}).stages[-1].duration_s == 28800


LATENCY = {
    "production": ["0.1 0.15", "0.2 0.3", "0.3 0.5"],
    "development": ["0.15 0.3", "0.3 0.5", "0.5 1.0"],
    "degraded": ["0.3", "0.5", "1.0"],
}


@pytest.mark.parametrize("name", PLACES.names("SLO"))
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
