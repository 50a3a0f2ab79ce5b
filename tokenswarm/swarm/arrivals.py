"""Open arrivals: calls start by the clock, whatever became of those before.

Users wait here. When an arrival is due, the user that came last (its connection is the warmest) gets it;
if all are busy, the arrival is dropped and counted: `max_in_flight` is the number of users, and a queue
in the generator would only hide a target that is too slow.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from gevent import Greenlet, get_hub, getcurrent
from gevent.event import Event

from tokenswarm.profile.share import Membership, Share
from tokenswarm.swarm.alarm import best_alarm

LATE_S: Final = 0.010  # a start that much after its due time is counted as late

# name, due time in seconds since the run's start
Count = Callable[[str, float], None]


class Arrivals:
    """This process's share of the schedule."""

    def __init__(self, share: Share, started_at_s: float, count: Count) -> None:
        """`started_at_s` is the run's start on the monotonic clock; `count` notes starts by kind."""
        self._share = share
        self._started_at_s = started_at_s
        self._count = count
        self._waiting: dict[Greenlet, None] = {}
        self._loop = get_hub().loop
        self._alarm = best_alarm(self._wake)
        self._is_closed = False
        self._is_driven = Event()  # to the schedule's end, as far as is known
        self._alarm.set(started_at_s)

    def wait(self) -> float | None:
        """Block until an arrival is ours; returns its due time, or None when the user is to stop."""
        if self._is_closed:
            return None
        me = getcurrent()
        self._waiting[me] = None
        try:
            due_at_s: float | None = get_hub().switch()
        except BaseException:
            self._waiting.pop(me, None)
            raise
        return due_at_s

    def release(self, user: Greenlet) -> None:
        """Let a user that waits go home; one that is in a call is not here."""
        if user in self._waiting:
            del self._waiting[user]
            self._loop.run_callback(user.switch, None)

    def reassign(self, at_s: float, membership: Membership) -> bool:
        """Drive another share from that time of the run on; False if that time has gone by."""
        in_time = self._share.reassign(at_s, membership)
        if not self._is_closed:
            self._is_driven.clear()
            self._alarm.set(time.monotonic())
        return in_time

    def finish(self, within_s: float) -> None:
        """Block until each arrival of ours has come, for at most so long: this process may be behind."""
        self._is_driven.wait(within_s)

    def close(self) -> None:
        """No more arrivals; whoever waits is sent home."""
        if self._is_closed:
            return
        self._is_closed = True
        self._is_driven.set()
        self._alarm.close()
        for user in list(self._waiting):
            self.release(user)

    def _wake(self) -> None:
        share = self._share
        while not self._is_closed:
            due_s = share.next_due()
            if due_s is None:
                # A change of membership may still give us some; until then there is nothing to wake for.
                self._alarm.set(float(2**31))
                self._is_driven.set()
                return
            due_at_s = self._started_at_s + due_s
            if due_at_s > time.monotonic():
                self._alarm.set(due_at_s)
                return
            share.take()
            self._count("planned_starts", due_s)
            if self._waiting:
                user, _ = self._waiting.popitem()
                # At once, not in the hub's next turn: the user gets as far as its first wait for the target.
                user.switch(due_at_s)
            else:
                self._count("dropped_starts", due_s)
