"""When calls are due: exact where nothing is random, and as theory says where something is."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import islice
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenswarm.profile.arrivals import ArrivalKind, Schedule
from tokenswarm.profile.pacing import StagePlan
from tokenswarm.profile.schema import Profile

KINDS: tuple[ArrivalKind, ...] = ("constant", "poisson", "gamma")


def plan(*stages: dict[str, Any]) -> StagePlan:
    """Stages of the open model, named by their order."""
    rows = [{"name": f"s{i}", **stage} for i, stage in enumerate(stages)]
    profile = {"name": "p", "arrivals": "constant", "max_in_flight": 1, "stages": rows}
    return StagePlan(Profile.from_resolved(profile).stages)


def schedule(stages: StagePlan, kind: ArrivalKind, seed: int = 1, burstiness: float = 0.5) -> Schedule:
    """The arrivals of these stages; burstiness is for gamma."""
    return Schedule(stages, kind, seed, burstiness if kind == "gamma" else None)


def times(stages: StagePlan, kind: ArrivalKind, seed: int = 1, burstiness: float = 0.5) -> np.ndarray:
    """All due times of a run."""
    return np.array(list(schedule(stages, kind, seed, burstiness).due_times()))


STEADY = {"duration": "20s", "rate": 1000}


def test_constant_arrivals_are_evenly_spaced() -> None:
    """Half a gap after the start, then one gap each: ten a second stand at 0.05, 0.15 … 0.95."""
    found = times(plan({"duration": "1s", "rate": 10}), "constant")
    assert found == pytest.approx([0.05 + 0.1 * k for k in range(10)], abs=1e-12)


def test_constant_arrivals_do_not_drift() -> None:
    """After a day at 7/s the last one is still where k + ½ over 7 says, to a fraction of a microsecond."""
    found = times(plan({"duration": "24h", "rate": 7}), "constant")
    assert len(found) == 86400 * 7
    assert found[-1] == pytest.approx((len(found) - 0.5) / 7, abs=1e-9)


@pytest.mark.parametrize(
    ("stages", "integral", "gloss"),
    [
        ([{"duration": "10s", "rate": 100, "from": 0}], lambda t: 5 * t * t, "a ramp from nothing"),
        ([{"duration": "10s", "rate": 0, "from": 100}], lambda t: 100 * t - 5 * t * t, "and back to it"),
        (
            [{"duration": "4s", "rate": 50}, {"duration": "6s", "rate": 200}],
            lambda t: 50 * t if t < 4 else 200 + 50 * (t - 4) + 12.5 * (t - 4) ** 2,
            "from the stage before",
        ),
        (
            [{"duration": "5s", "rate": 0}, {"duration": "5s", "rate": 30, "transition": "step"}],
            lambda t: 0 if t < 5 else 30 * (t - 5),
            "a pause, and a step",
        ),
        (
            [{"duration": "300ms", "rate": 3.7}, {"duration": "9.7s", "rate": 3.7}],
            lambda t: 3.7 * t,
            "uneven",
        ),
    ],
)
def test_constant_count_is_the_rounded_integral_of_the_rate(
    stages: list[dict[str, Any]], integral: Callable[[float], float], gloss: str
) -> None:
    """At every time, on ramps too: never half a call off."""
    found = times(plan(*stages), "constant")
    for at_s in np.arange(0.0137, 10, 0.0291):
        count = int(np.searchsorted(found, at_s, side="right"))
        assert count == math.floor(integral(at_s) + 0.5), f"{gloss}, at {at_s}"
    assert len(found) == math.floor(integral(10 - 1e-12) + 0.5), gloss


@given(
    st.lists(
        st.tuples(st.integers(1, 3000), st.integers(0, 400), st.sampled_from(["linear", "step"])),
        min_size=1,
        max_size=5,
    ),
    st.sampled_from(KINDS),
)
@settings(deadline=None, max_examples=60)
def test_arrivals_are_in_order_and_within_the_run(
    rows: list[tuple[int, int, str]], kind: ArrivalKind
) -> None:
    """Whatever the stages: ascending, not before the start, not at or after the end, none where rate is 0."""
    last = {"duration": "1s", "rate": 5}
    stages = plan(*({"duration": f"{ms}ms", "rate": r, "transition": t} for ms, r, t in rows), last)
    found = times(stages, kind)
    assert (np.diff(found) >= 0).all()
    assert len(found) == 0 or (found[0] >= 0 and found[-1] < stages.total_s)
    for slope in stages.slopes:
        if slope.begin == slope.end == 0:
            assert not ((found > slope.start_s) & (found < slope.end_s)).any()


def kolmogorov_smirnov(sample: np.ndarray, cdf: Callable[[np.ndarray], np.ndarray]) -> float:
    """The largest distance between the sample's distribution and the theory's, times √n."""
    ordered = np.sort(sample)
    n = len(ordered)
    theory = cdf(ordered)
    above = np.arange(1, n + 1) / n - theory
    below = theory - np.arange(n) / n
    return float(max(above.max(), below.max()) * math.sqrt(n))


# P(√n D > 1.95) is 0.001; the seeds are fixed, so a pass is one for good.
LIMIT = 1.95


def exponential(x: np.ndarray) -> np.ndarray:
    return 1 - np.exp(-x)


def gamma_of_half(x: np.ndarray) -> np.ndarray:
    """Shape ½, mean 1: the square of a normal deviate, so that its distribution is an error function."""
    return np.array([math.erf(math.sqrt(value / 2)) for value in x])


def gamma_of_two(x: np.ndarray) -> np.ndarray:
    """Shape 2, mean 1."""
    return 1 - np.exp(-2 * x) * (1 + 2 * x)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("kind", "burstiness", "cdf"),
    [("poisson", 1.0, exponential), ("gamma", 0.5, gamma_of_half), ("gamma", 2.0, gamma_of_two)],
)
@pytest.mark.parametrize("is_ramp", [False, True])
def test_random_gaps_are_distributed_as_theory_says(
    kind: ArrivalKind,
    burstiness: float,
    cdf: Callable[[np.ndarray], np.ndarray],
    seed: int,
    is_ramp: bool,
) -> None:
    """Mean 1 ÷ rate, variance mean² ÷ shape, and the whole curve; on a ramp after undoing the ramp."""
    stages = plan({"duration": "20s", "rate": 1000, "from": 0}) if is_ramp else plan(STEADY)
    found = times(stages, kind, seed, burstiness)
    gaps = np.diff(25 * found**2 if is_ramp else 1000 * found)
    assert kolmogorov_smirnov(gaps, cdf) < LIMIT
    assert gaps.mean() == pytest.approx(1, abs=4 / math.sqrt(burstiness * len(gaps)))
    assert gaps.var() == pytest.approx(1 / burstiness, rel=0.1)


def test_gamma_of_one_is_poisson() -> None:
    """Its name for one of its shapes."""
    assert (times(plan(STEADY), "gamma", burstiness=1.0) == times(plan(STEADY), "poisson")).all()


@pytest.mark.parametrize(
    ("kind", "burstiness"), [("poisson", 1.0), ("gamma", 0.1), ("gamma", 0.5), ("gamma", 8.0)]
)
def test_random_arrivals_are_as_many_as_planned_on_average(kind: ArrivalKind, burstiness: float) -> None:
    """From the first second on, for any shape: 4,000 runs of half a second at 10/s make 20,000 calls."""
    stages = plan({"duration": "500ms", "rate": 10})
    counts = [len(times(stages, kind, seed, burstiness)) for seed in range(4000)]
    planned = stages.planned_calls(0, 0.5)
    assert planned == 5
    assert np.mean(counts) == pytest.approx(planned, abs=4 * np.std(counts) / math.sqrt(4000))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("requests", [1, 2, 1023, 1024, 1025, 5000])
def test_stage_with_requests_makes_exactly_so_many(kind: ArrivalKind, seed: int, requests: int) -> None:
    """All of them before its planned end, with chance too, and the next stage is not moved by it."""
    stages = plan({"requests": requests, "warmup": True}, {"duration": "2s", "rate": 1000})
    assert stages.total_s == pytest.approx(requests / 1000 + 2)
    found = times(stages, kind, seed)
    border_s = stages.spans()[0].end_s
    assert int((found < border_s).sum()) == requests
    alone = times(plan({"duration": "2s", "rate": 1000}), kind, seed)
    if kind == "constant":
        assert found[requests:] - border_s == pytest.approx(alone, abs=1e-9)


def test_stage_with_requests_is_poisson_within() -> None:
    """N arrivals of a Poisson process, given that they are N, are N uniform times in order."""
    found = times(plan({"requests": 5000, "rate": 100}), "poisson", seed=4)
    assert kolmogorov_smirnov(found / 50, lambda share: share) < LIMIT
    # The gaps, too: uniform times that were evened out would pass the line above.
    assert kolmogorov_smirnov(np.diff(found) * 100, exponential) < LIMIT


def test_few_requests_are_anywhere_in_their_stage() -> None:
    """One call of a Poisson process, given that it is one, is as likely at any time as at any other."""
    stages = plan({"requests": 1, "rate": 0.1})
    assert stages.total_s == 10
    found = np.array([times(stages, "poisson", seed)[0] for seed in range(2000)])
    assert kolmogorov_smirnov(found / 10, lambda share: share) < LIMIT


def test_stage_with_requests_is_gamma_within() -> None:
    """Gaps keep their shape; dividing by their sum changes them by a part in a thousand."""
    found = times(plan({"requests": 5000, "rate": 100}), "gamma", seed=4)
    assert kolmogorov_smirnov(np.diff(found) * 100, gamma_of_half) < LIMIT


@pytest.mark.parametrize("burstiness", [0.01, 1000.0])
def test_extreme_shapes_stay_within_the_stage(burstiness: float) -> None:
    """Shares so small that the rest of a stage rounds to nothing don't reach the next one."""
    stages = plan({"requests": 3000, "rate": 1000}, {"duration": "1s", "rate": 1})
    found = times(stages, "gamma", burstiness=burstiness)
    assert int((found < 3).sum()) == 3000
    assert (np.diff(found) >= 0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_same_seed_gives_the_same_arrivals(kind: ArrivalKind) -> None:
    """Workers compute the schedule for themselves and must come to the same one."""
    stages = plan({"requests": 50, "warmup": True}, STEADY)
    assert (times(stages, kind, seed=7) == times(stages, kind, seed=7)).all()
    one = schedule(stages, kind, seed=7)
    assert list(islice(one.due_times(), 100)) == list(islice(one.due_times(), 100))
    if kind != "constant":
        assert list(islice(schedule(stages, kind, seed=8).due_times(), 9)) != list(islice(one.due_times(), 9))


def test_negative_seed_is_a_seed() -> None:
    """The command line takes any whole number."""
    assert len(times(plan(STEADY), "poisson", seed=-3)) > 19000


@given(st.integers(1, 9), st.sampled_from(KINDS), st.integers(0, 99))
@settings(deadline=None, max_examples=40)
def test_shares_add_up_to_the_whole(workers: int, kind: ArrivalKind, seed: int) -> None:
    """Every arrival is in exactly one worker's share."""
    stages = plan({"requests": 30, "rate": 50}, {"duration": "5s", "rate": 700, "from": 0})
    one = schedule(stages, kind, seed)
    shares = [list(one.due_times(worker, workers)) for worker in range(workers)]
    assert sorted(time for share in shares for time in share) == list(one.due_times())
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
