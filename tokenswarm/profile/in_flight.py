"""Whether the calls allowed in flight carry the planned rate: Little's law, in flight = rate × latency."""

from __future__ import annotations

import math
from collections.abc import Mapping

from tokenswarm.metrics.units import TIME, format_figure, format_number
from tokenswarm.profile.pacing import StagePlan
from tokenswarm.profile.schema import Profile


def longest_carried_s(profile: Profile) -> float | None:
    """The mean latency up to which no call is dropped at the highest rate; None in the closed model."""
    plan = StagePlan(profile.stages)
    return profile.max_in_flight / plan.peak if plan.is_open and profile.max_in_flight and plan.peak else None


def mean_latency_s(profile: Profile, latency_s: Mapping[bool, float]) -> float | None:
    """The mean over streams (True) and other calls (False), in their shares; None if neither is known."""
    shares = {True: profile.streaming, False: 1.0 - profile.streaming}
    known = sum(shares[stream] for stream in latency_s)
    return sum(shares[stream] * each_s for stream, each_s in latency_s.items()) / known if known else None


def warn_of_in_flight(profile: Profile, latency_s: float | None) -> str | None:
    """What to say if answers take so long that the cap is below what the rate needs; None if it isn't."""
    longest_s = longest_carried_s(profile)
    if longest_s is None or latency_s is None or latency_s <= longest_s:
        return None
    peak = StagePlan(profile.stages).peak
    needed = math.ceil(peak * latency_s)
    return (
        f"max_in_flight: {profile.max_in_flight} is too few: {format_number(peak)} calls/s × "
        f"{format_figure(latency_s, TIME)} an answer = {needed} in flight; calls beyond are dropped. "
        f"Raise it to {needed} or more, or lower the rate"
    )
