"""A circuit breaker, pure: told of outcomes, it says whether to call an upstream. The caller has the clock.

closed     --`failures` in a row-->   open
open       --`cooldown_s` later-->    half-open
half-open  --the one probe is well--> closed
half-open  --the one probe fails-->   open
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum


class State(IntEnum):
    """The numbers are what /metrics shows."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


Changed = Callable[[State, State], None]


class Breaker:
    """Of one upstream; `changed(before, after)` is told of every change of state. Times are seconds."""

    def __init__(self, failures: int, cooldown_s: float, changed: Changed) -> None:
        self.state = State.CLOSED
        self._failures = failures
        self._cooldown_s = cooldown_s
        self._changed = changed
        self._in_a_row = 0
        self._opened_s = 0.0
        self._is_probing = False

    def may_call(self, now_s: float) -> bool:
        """Whether to call now; in half-open a True is the one probe, whose outcome must be told."""
        if self.state is State.CLOSED:
            return True
        if self.state is State.OPEN:
            if now_s < self._opened_s + self._cooldown_s:
                return False
            self._go(State.HALF_OPEN)
            self._is_probing = False
        if self._is_probing:
            return False
        self._is_probing = True
        return True

    def wait_s(self, now_s: float) -> float:
        """How long until it may be called again, at the soonest."""
        return max(0.0, self._opened_s + self._cooldown_s - now_s) if self.state is State.OPEN else 0.0

    def succeeded(self) -> None:
        self._in_a_row = 0
        # A call from before it opened says nothing of now.
        if self.state is State.HALF_OPEN:
            self._go(State.CLOSED)

    def failed(self, now_s: float) -> None:
        self._in_a_row += 1
        if self.state is State.HALF_OPEN or (self.state is State.CLOSED and self._in_a_row >= self._failures):
            self._opened_s = now_s
            self._go(State.OPEN)

    def abandoned(self) -> None:
        """The call ended without an outcome: its client went."""
        self._is_probing = False

    def _go(self, state: State) -> None:
        before, self.state = self.state, state
        self._changed(before, state)
