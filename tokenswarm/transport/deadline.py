"""One lazy timer per connection, whatever the number of reads: it ends a call that waits too long.

A timer for each read costs more than the read. Here a read only moves `at_s`; the timer, when it
fires too early, starts again for what is left. So a call as a rule starts no timer at all.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any

from gevent import get_hub, getcurrent

from tokenswarm.errors import CallError
from tokenswarm.transport.endpoint import Timeouts

_SHORTEST_S = 0.0005  # a timer that fires early must not spin


class Deadline:
    """The nearest of a phase's timeout and the call's total one, for the greenlet between begin and end."""

    __slots__ = (
        "_at_s",
        "_clock",
        "_fires_at_s",
        "_greenlet",
        "_outcome",
        "_timeouts",
        "_timer",
        "_total_at_s",
    )

    def __init__(self, timeouts: Timeouts, clock: Callable[[], float]) -> None:
        self._timeouts = timeouts
        self._clock = clock
        self._at_s = inf
        self._total_at_s = inf
        self._fires_at_s = inf
        self._outcome = "timeout_total"
        self._greenlet: Any = None
        self._timer: Any = None

    def begin(self) -> None:
        """The running greenlet starts a call; from now on every wait of it may be cut short."""
        self._greenlet = getcurrent()
        self._total_at_s = self._clock() + self._timeouts.total_s

    def end(self) -> None:
        """The call is over; the timer may still fire, and will do nothing."""
        self._greenlet = None

    def phase(self, outcome: str, at_s: float) -> None:
        """Until `at_s`, or else the call fails with this outcome."""
        self._outcome = outcome
        self.move(at_s)

    def move(self, at_s: float) -> None:
        """The same phase, a new time."""
        self._at_s = at_s if at_s < self._total_at_s else self._total_at_s
        if self._at_s < self._fires_at_s:
            self._start(self._clock())

    def close(self) -> None:
        """Give the timer back."""
        self._greenlet = None
        self._fires_at_s = inf
        if self._timer is not None:
            self._timer.close()
            self._timer = None

    def _start(self, now_s: float) -> None:
        if self._timer is not None:
            self._timer.close()
        # gevent's own timeouts have this priority, too: bytes that are there win over a timer that is due.
        # ref=False: a timer that nobody waits for must not keep the process alive.
        self._timer = get_hub().loop.timer(max(self._at_s - now_s, _SHORTEST_S), ref=False, priority=-1)
        self._fires_at_s = self._at_s
        self._timer.start(self._fire, update=True)

    def _fire(self) -> None:
        self._fires_at_s = inf
        greenlet = self._greenlet
        if greenlet is None:
            return
        now_s = self._clock()
        if now_s < self._at_s:
            self._start(now_s)
            return
        outcome = "timeout_total" if now_s >= self._total_at_s else self._outcome
        greenlet.throw(CallError(outcome, self._detail(outcome)))

    def _detail(self, outcome: str) -> str:
        said = {
            "timeout_connect": f"not connected within {self._timeouts.connect_s:g} s",
            "timeout_first_token": f"no first token within {self._timeouts.first_token_s:g} s",
            "timeout_idle": f"nothing came for {self._timeouts.idle_s:g} s",
            "timeout_total": f"not complete within {self._timeouts.total_s:g} s",
        }
        return said[outcome]
