"""Open arrivals of one process: each one comes, also where the run's end was told too early."""

from __future__ import annotations

import time
from collections import Counter

import gevent

from tokenswarm.profile.arrivals import Schedule
from tokenswarm.profile.pacing import StagePlan
from tokenswarm.profile.schema import Profile
from tokenswarm.profile.share import Membership, Share
from tokenswarm.swarm.arrivals import Arrivals

CALLS = 20
STAGES = [{"name": "hold", "duration": "400ms", "rate": CALLS / 0.4}]
PROFILE = Profile.model_validate(
    {"name": "open", "arrivals": "constant", "max_in_flight": 2, "stages": STAGES}
)


def test_who_finishes_a_schedule_lets_all_of_it_come() -> None:
    """Asked when it begins, as a worker is that is behind its master; who waits gets each arrival."""
    counts: Counter[str] = Counter()
    schedule = Schedule(StagePlan(PROFILE.stages), "constant", seed=1)
    begins_s = time.monotonic()
    arrivals = Arrivals(Share(schedule, Membership(0, 1)), begins_s, lambda name, _: counts.update([name]))
    due_s: list[float] = []

    def user() -> None:
        while (at_s := arrivals.wait()) is not None:
            due_s.append(at_s - begins_s)

    waiting = gevent.spawn(user)
    gevent.idle()
    arrivals.finish(60)
    arrivals.close()
    waiting.join(60)
    assert counts == {"planned_starts": CALLS}
    assert [round(at_s, 6) for at_s in due_s] == [round(0.4 * (k + 0.5) / CALLS, 6) for k in range(CALLS)]


def test_a_schedule_that_does_not_end_is_waited_for_no_longer_than_told() -> None:
    """An arrival that is due in an hour keeps nobody."""
    schedule = Schedule(StagePlan(PROFILE.stages), "constant", seed=1)
    arrivals = Arrivals(Share(schedule, Membership(0, 1)), time.monotonic() + 3600, lambda *_: None)
    with gevent.Timeout(60):
        arrivals.finish(0.01)
    arrivals.close()
