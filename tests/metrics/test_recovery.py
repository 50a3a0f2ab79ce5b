"""How long a target took to recover: from moments of ended and failed calls."""

from __future__ import annotations

import math

import pytest

from tokenswarm.metrics.injection import Happening, Injection, injection_reading
from tokenswarm.metrics.moments import MOST_PROVIDERS, MomentNames, Moments, moment_width_s, moments_in
from tokenswarm.metrics.recovery import Recovery, recovery_of, unexplained_outages
from tokenswarm.metrics.source import Aggregation

RATE = 10  # calls that end in each moment
END_S = 60.0


def moments(*outages: tuple[float, float], share: float = 1.0) -> Moments:
    """A run of a minute in tenths of a second; calls fail in the given spans."""
    ended = dict.fromkeys(range(600), float(RATE))
    failed = {
        i: RATE * share for i in range(600) if any(start <= round(i / 10, 1) < end for start, end in outages)
    }
    return Moments(0.1, ended, failed)


def recover(
    seen: Moments, at_s: float = 20.0, next_s: float = END_S, limit: float = 0.01, reach_s: float = 11
):
    return recovery_of(seen, at_s, next_s, END_S, limit, reach_s)


def reading(recoveries: list[Recovery], aggregation: Aggregation):
    """Of several things done, each with its recovery."""
    injections = [Injection(Happening(one.injected_s, "x"), one) for one in recoveries]
    return injection_reading("recovery_time", injections, aggregation)


def test_it_lasts_from_the_injection_to_the_last_failure() -> None:
    """To a moment's width, and every call that failed is a lost one."""
    recovery = recover(moments((20.3, 24.5)))
    assert recovery.took_s == pytest.approx(4.5)
    assert recovery.first_failure_s == pytest.approx(20.3)
    assert recovery.lost == 42 * RATE
    assert recovery.worst_rate == 1.0


def test_calm_must_last_five_seconds() -> None:
    """A pause between two bursts is no recovery; five seconds are."""
    assert recover(moments((20, 21), (25.9, 27))).took_s == pytest.approx(7)
    assert recover(moments((20, 21), (27, 28))).took_s == pytest.approx(1)


def test_errors_within_the_limit_are_no_outage() -> None:
    """They are lost all the same. The second that begins at recovery is within the limit as a whole."""
    seen = moments((20, 22), share=0.1)
    assert recover(seen, limit=0.2).took_s == 0
    assert recover(seen, limit=0.2).lost == 20
    assert recover(seen, limit=0.05).took_s == pytest.approx(1.5)


def test_all_failures_of_the_last_second_over_the_limit_are_lost() -> None:
    """The second that begins at recovery may still hold most of them. The next injection's are not."""
    ended = dict.fromkeys(range(600), float(RATE))
    cut = Moments(0.1, ended, {200: 2.0, 201: 4.0})
    assert recover(cut, limit=0.05).lost == 6
    assert recover(cut, limit=0.05).took_s == pytest.approx(0.1)
    assert recover(cut, limit=0.05, next_s=20.1).lost == 2


def test_failures_may_begin_as_late_as_calls_can_last() -> None:
    """Of a target that hangs the first sign is a timeout; what comes later has another cause."""
    assert recover(moments((30, 31))).took_s == pytest.approx(11)
    assert recover(moments((32, 33))).took_s == 0
    assert recover(moments((32, 33))).lost == 0


def test_failures_after_the_next_injection_are_its_own() -> None:
    """But those that go on over it are still the first one's."""
    assert recover(moments((26, 27)), next_s=25).took_s == 0
    assert recover(moments((21, 27)), next_s=25).took_s == pytest.approx(7)


def test_a_second_that_holds_the_next_injections_failures_is_not_the_first_ones() -> None:
    """It begins before the next injection, and all that failed in it failed after that."""
    recovery = recover(moments((25, 26)), next_s=25)
    assert (recovery.took_s, recovery.lost) == (0, 0)


def test_without_five_calm_seconds_at_the_end_it_has_not_recovered() -> None:
    """What was seen until then bounds it from below."""
    recovery = recover(moments((20, 55.1)))
    assert recovery.took_s is None
    both = reading([recovery, recover(moments((20, 21)))], Aggregation("max"))
    assert (both.value, both.low, both.high) == (40.0, 40.0, math.inf)
    assert recover(moments((20, 55))).took_s == pytest.approx(35)


def test_failures_before_the_injection_are_not_counted() -> None:
    """However near they are."""
    recovery = recover(moments((15, 20)))
    assert (recovery.took_s, recovery.lost) == (0, 0)


@pytest.mark.parametrize(
    ("aggregation", "value"),
    [("min", 1), ("max", 4), ("avg", 2.5), ("med", 2), ("p(75)", 3), ("count", 4)],
)
def test_several_recoveries_give_one_figure(aggregation: str, value: float) -> None:
    """By nearest rank, as for any time."""
    name, _, percentile = aggregation.partition("(")
    asked = Aggregation(name, float(percentile[:-1]) if percentile else None)
    found = [recover(moments((20, 20 + seconds))) for seconds in (3, 1, 4, 2)]
    assert reading(found, asked).value == pytest.approx(value)


def test_nothing_done_is_no_figure() -> None:
    """Never a recovery of 0 s."""
    assert reading([], Aggregation("max")).value is None


def test_moments_are_told_from_other_counts() -> None:
    """Counts of the same moment by several workers add up; a provider's name may hold a slash."""
    counts = [("ended/3", 2.0), ("calls", 9.0), ("failed/3", 1.0), ("ended/3", 4.0), ("check_met/x", 1.0)]
    counts += [("from/a/b/3", 2.0), ("from/a/b/3", 1.0), ("from/c/4", 1.0)]
    assert moments_in(counts, 0.1) == Moments(0.1, {3: 6.0}, {3: 1.0}, {"a/b": {3: 3.0}, "c": {4: 1.0}})


def test_a_failed_call_has_no_provider_and_providers_are_bounded() -> None:
    """Who cut a call did not answer it; a target that makes up names can't fill the run folder."""
    names = MomentNames()
    assert list(names.of(7, "a", has_failed=True)) == ["ended/7", "failed/7"]
    assert list(names.of(7, "", has_failed=False)) == ["ended/7"]
    told = {name for i in range(100) for name in names.of(7, f"p{i}", has_failed=False)}
    assert len(told) == 1 + MOST_PROVIDERS + 1
    assert "from/other/7" in told


def outages(seen: Moments, *explained: Recovery) -> list[tuple[float, float | None]]:
    found = unexplained_outages(seen, explained, END_S, 0.01)
    return [(round(one.injected_s, 1), one.took_s) for one in found]


def test_a_burst_that_no_action_explains_is_an_outage_of_its_own() -> None:
    """From its first failure on; each by itself, and none that follows from what was done."""
    seen = moments((10, 11.5), (20, 22), (40, 40.1))
    done = recover(seen)
    assert outages(seen, done) == [(10.0, pytest.approx(1.5)), (40.0, pytest.approx(0.1))]
    assert outages(moments((20, 22)), done) == []


def test_a_stray_failure_is_no_outage() -> None:
    """One or two calls in a minute fail anywhere."""
    seen = Moments(0.1, dict.fromkeys(range(600), float(RATE)), {300: 2.0})
    assert outages(seen) == []
    assert outages(Moments(0.1, seen.ended, {300: 3.0})) == [(30.0, pytest.approx(0.1))]


def test_moments_of_a_long_run_are_wider() -> None:
    """So that a soak keeps no more of them."""
    assert moment_width_s(60) == 0.1
    assert moment_width_s(24 * 3600) == pytest.approx(14.4)
