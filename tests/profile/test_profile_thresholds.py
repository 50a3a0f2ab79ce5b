"""The lines that a run is judged by, and how they shrink with its time."""

from __future__ import annotations

from typing import Any

import pytest

from tokenswarm.errors import ConfigurationError, ProfileError
from tokenswarm.metrics.thresholds import Status
from tokenswarm.profile.scaling import scale_profile, scale_slo
from tokenswarm.profile.schema import Profile
from tokenswarm.profile.slo import Slo
from tokenswarm.profile.thresholds import thresholds_of


def profile(thresholds: dict[str, Any], **more: Any) -> Profile:
    """A profile of one warm-up and one stage with these lines."""
    stages = [
        {"name": "warm-up", "duration": "10s", "users": 5, "warmup": True},
        {"name": "hold", "duration": "1m", "users": 5},
    ]
    data = {"name": "mine", "stages": stages, "thresholds": thresholds, **more}
    return Profile.from_resolved(data, "profiles/mine.yaml")


def slo(thresholds: dict[str, Any], **more: Any) -> Slo:
    """An SLO with these lines."""
    data = {"name": "good", "title": "Good", "thresholds": thresholds, **more}
    return Slo.from_resolved(data, "profiles/slo/good.yaml")


def test_profile_adds_to_the_slo_and_replaces_nothing() -> None:
    """The same figure may be judged twice; the report says which file wants what."""
    own = profile({"error_rate": "< 5%", "latency": {"slo": "p(95) < 1s", "sla": "p(95) < 2s"}})
    lines = thresholds_of(own, slo({"error_rate": ["< 1%", {"threshold": "< 2%", "severity": "warn"}]}))
    assert [(line.origin, line.text) for line in lines] == [
        ("profiles/slo/good.yaml", "error_rate: < 1%"),
        ("profiles/slo/good.yaml", "error_rate: < 2%"),
        ("profiles/mine.yaml", "error_rate: < 5%"),
        ("profiles/mine.yaml", "latency: slo p(95) < 1s, sla p(95) < 2s"),
    ]
    breaches = [[level.on_breach for level in line.levels] for line in lines]
    assert breaches == [[Status.FAIL], [Status.WARN], [Status.FAIL], [Status.WARN, Status.FAIL]]


def test_rate_limits_may_fail_the_verdict() -> None:
    """`rate_limits: fail` is a line like any other, and says where it comes from."""
    (line,) = thresholds_of(profile({}, rate_limits="fail"), None)
    assert (line.text, line.origin) == ("rate_limited_rate: <= 0%", "profiles/mine.yaml, rate_limits: fail")
    assert thresholds_of(profile({}), None) == []


def test_slo_that_names_another_profiles_stage_is_refused() -> None:
    """It could only be found inconclusive after the whole run."""
    with pytest.raises(ProfileError, match=r"good\.yaml thresholds\.error_rate.*got peak, allowed: hold"):
        thresholds_of(profile({}), slo({"error_rate{stage:peak}": "< 1%"}))


def test_goodput_needs_objectives() -> None:
    """Without them nothing says which call is good."""
    own = profile({"goodput": "> 99%"})
    for without in (None, slo({})):
        with pytest.raises(ProfileError, match=r"mine\.yaml thresholds\.goodput: .* name an SLO"):
            thresholds_of(own, without)
    assert len(thresholds_of(own, slo({}, objectives={"ttft": "1s"}))) == 1


def test_time_scale_shrinks_every_duration_of_the_run() -> None:
    """Stages, windows and abort_after; not what belongs to a call, nor how much must be measured."""
    line = {"threshold": "p(95) < 1s over 30s", "abort": True, "abort_after": "20s", "min_samples": 50}
    whole = profile({"latency": [line], "error_rate": "< 1%"}, think_time="100ms")
    small = scale_profile(whole, 0.1)
    assert [stage.duration_s for stage in small.stages] == [1, 6]
    (scaled, plain) = thresholds_of(small, None)
    assert scaled.text == "latency: p(95) < 1s over 3s"
    assert (scaled.abort_after_s, scaled.min_samples) == (2, 50)
    assert plain.text == "error_rate: < 1%"
    assert (small.think_time, small.timeouts, small.file) == (whole.think_time, whole.timeouts, whole.file)
    assert whole.stages[0].duration_s == 10


def test_time_scale_lets_a_limit_by_the_hour_grow() -> None:
    """A tenth of the time may bring the same drift in all; rates stay what they are."""
    lines = {"latency_drift": "< 5%/h", "target_memory": "slope < 20MB/h", "request_rate": "> 20/s"}
    scaled = thresholds_of(scale_profile(profile(lines), 0.1), None)
    assert [line.text for line in scaled] == [
        "latency_drift: < 50%/h",
        "target_memory: slope < 200MB/h",
        "request_rate: > 20/s",
    ]


@pytest.mark.parametrize(
    ("key", "text", "scaled"),
    [
        ("requests", "count >= 1000", "count >= 20"),  # as many as a stage of 1,000 calls makes
        ("requests{stage:hold}", "count > 10", "count > 0"),  # one still must come
        ("requests", "count >= 49", "count >= 1"),
        ("failures", "count == 0", "count == 0"),
        ("requests", "count == 1000", "count == 20"),
        ("failures", "count <= 60", "count <= 2"),  # 1.2: never stricter than it was
        ("failures", "count < 10 over 50s", "count < 1 over 1s"),
        ("latency", "count >= 100", "count >= 2"),
        ("cost", "count < 5", "count < 0.1"),  # dollars have parts
        ("requests", ">= 5", ">= 5"),
    ],
)
def test_time_scale_shrinks_what_is_to_be_counted(key: str, text: str, scaled: str) -> None:
    """In a fiftieth of the time there are a fiftieth of the calls, however good the target is."""
    (line,) = scale_profile(profile({key: [text]}), 0.02).thresholds[key]
    assert line.threshold == scaled


def test_time_scale_shrinks_windows_of_tiers_too() -> None:
    """In an SLO, per-call objectives stay as they are."""
    tiers = {"slo": "< 1% for 1m", "sla": "< 2% for 1m"}
    scaled = scale_slo(slo({"error_rate": tiers}, objectives={"ttft": "1s"}), 0.25)
    (line,) = thresholds_of(profile({}), scaled)
    assert line.text == "error_rate: slo < 1% for 15s, sla < 2% for 15s"
    assert scaled.objectives_s == {"ttft": 1}


@pytest.mark.parametrize("time_scale", [0, -1, float("nan"), float("inf")])
def test_time_scale_must_leave_time(time_scale: float) -> None:
    """A run of no time or of endless time is a mistake."""
    with pytest.raises(ConfigurationError, match="need a number > 0"):
        scale_profile(profile({}), time_scale)
