"""One worker's part of the schedule while workers come and go: every arrival once, and none twice."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenswarm.profile.arrivals import ArrivalKind, Schedule
from tokenswarm.profile.pacing import StagePlan
from tokenswarm.profile.schema import Profile
from tokenswarm.profile.share import Membership, Share

OUT = Membership(None, 1)


def schedule(kind: ArrivalKind = "constant", seed: int = 1, **stage: Any) -> Schedule:
    """10 s at 10/s, or as told: by default at 0.05, 0.15 … 9.95."""
    row = {"name": "hold", "duration": "10s", "rate": 10, **stage}
    profile = {"name": "p", "arrivals": "constant", "max_in_flight": 1, "stages": [row]}
    return Schedule(StagePlan(Profile.from_resolved(profile).stages), kind, seed)


def taken(share: Share, until_s: float = float("inf")) -> list[float]:
    """What a worker drives until then."""
    found = []
    while (due_s := share.next_due()) is not None and due_s < until_s:
        assert share.take() == due_s
        found.append(due_s)
    return found


def test_next_due_stays_until_it_is_taken() -> None:
    """A worker waits for it, and looks again after each change of membership."""
    share = Share(schedule(), Membership(0, 1))
    assert [share.next_due(), share.next_due()] == pytest.approx([0.05, 0.05])
    assert [share.take(), share.take(), share.next_due()] == pytest.approx([0.05, 0.15, 0.25])


def test_schedule_ends() -> None:
    """And stays ended."""
    share = Share(schedule(), Membership(2, 3))
    assert len(taken(share)) == 33
    assert (share.next_due(), share.take()) == (None, None)


def test_change_begins_with_the_first_arrival_due_at_its_time() -> None:
    """Arrivals 0 to 49 are due before 5 s and belong to one worker; those after it to the second of two."""
    share = Share(schedule(), Membership(0, 1))
    assert share.reassign(5.0, Membership(1, 2))
    assert taken(share) == pytest.approx([0.05 + 0.1 * k for k in [*range(50), *range(51, 100, 2)]])


def test_change_takes_back_what_was_next() -> None:
    """A worker that waits for an arrival which becomes another's must not drive it."""
    share = Share(schedule(rate=0.5), Membership(0, 1))
    assert share.next_due() == pytest.approx(1)
    assert share.reassign(0.5, Membership(1, 2))
    assert taken(share) == pytest.approx([3, 7])


def test_worker_that_leaves_ends_its_share_and_may_return() -> None:
    """What is due before it leaves is still its own."""
    share = Share(schedule(), Membership(0, 2))
    share.reassign(1.0, OUT)
    assert taken(share) == pytest.approx([0.05, 0.25, 0.45, 0.65, 0.85])
    assert share.next_due() is None
    share.reassign(9.0, Membership(0, 1))
    assert taken(share) == pytest.approx([9.05 + 0.1 * k for k in range(10)])


def test_worker_that_joins_hours_late_gets_the_rest() -> None:
    """It computes the whole schedule up to then, and keeps none of it."""
    late = Share(schedule("poisson", duration="2h", rate=100), OUT)
    assert late.next_due() is None
    assert late.reassign(7190.0, Membership(1, 2))
    due_s = late.next_due()
    assert due_s is not None
    assert 7190 <= due_s < 7191
    assert len(late._ahead) < 3000


def test_change_that_comes_too_late_is_told() -> None:
    """The arrivals in between may be driven by another worker as well: the run can't be trusted."""
    share = Share(schedule(), Membership(0, 1))
    taken(share, until_s=5)
    assert not share.reassign(4.0, Membership(0, 2))
    assert taken(share) == pytest.approx([0.05 + 0.1 * k for k in range(50, 100, 2)])


def test_changes_come_in_the_order_of_their_times() -> None:
    """An earlier one after a later one is a mistake of the caller's."""
    share = Share(schedule(), Membership(0, 1))
    share.reassign(5.0, Membership(0, 2))
    with pytest.raises(ValueError, match="a change at 4 s was told after one at 5 s"):
        share.reassign(4.0, Membership(0, 1))


@pytest.mark.parametrize(("worker", "workers"), [(2, 2), (-1, 2), (0, 0)])
def test_membership_is_one_of_so_many(worker: int, workers: int) -> None:
    """Counted from 0."""
    with pytest.raises(ValueError, match="need 0 ≤ worker < workers"):
        Membership(worker, workers)


@given(
    st.lists(
        st.tuples(st.floats(0, 12), st.floats(0, 3), st.sets(st.integers(0, 3), min_size=1)), max_size=5
    ),
    st.sets(st.integers(0, 3), min_size=1),
    st.sampled_from(["constant", "poisson", "gamma"]),
    st.integers(0, 9),
    st.sampled_from([3, 40, 700]),
)
@settings(deadline=None, max_examples=150)
def test_every_arrival_is_driven_exactly_once(
    changes: list[tuple[float, float, set[int]]], first: set[int], kind: ArrivalKind, seed: int, rate: int
) -> None:
    """Four machines join and leave in any order, told ahead by any time, having driven as far as they had."""
    whole = schedule(kind, seed, rate=rate, **{"from": 1})
    shares = {name: Share(whole, _place(name, first)) for name in range(4)}
    driven: Counter[float] = Counter()
    for at_s, ahead_s, members in sorted(changes, key=lambda change: change[0]):
        for name, share in shares.items():
            # Peeking ahead must not lose what the change then gives to this worker.
            share.next_due()
            driven.update(taken(share, until_s=max(0.0, at_s - ahead_s)))
            assert share.reassign(at_s, _place(name, members))
    for share in shares.values():
        driven.update(taken(share))
    assert driven == Counter(whole.due_times())


def _place(name: int, members: set[int]) -> Membership:
    present = sorted(members)
    return Membership(present.index(name) if name in members else None, len(present))
