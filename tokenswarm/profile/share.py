"""One worker's part of the schedule, while workers come and go.

Arrival k belongs to worker k mod n of the n that are members when it is due. A change of membership has
a time, agreed before it comes: arrivals due before it belong to the old members, those due at or after it
to the new ones. So all workers together drive each arrival exactly once, without a word between them.

A function of elapsed time and calls sent, as constant pacing has, can't do this: random arrivals have a
past, and so has a share that changed. The state is here, and time still comes from outside.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from tokenswarm.profile.arrivals import Schedule
from tokenswarm.profile.slope import Array


@dataclass(frozen=True, slots=True)
class Membership:
    """Which of how many workers this one is: `worker` from 0 to `workers` − 1, or None for none of them."""

    worker: int | None
    workers: int

    def __post_init__(self) -> None:
        if self.worker is not None and not 0 <= self.worker < self.workers:
            raise ValueError(f"worker {self.worker} of {self.workers}: need 0 ≤ worker < workers")


@dataclass(frozen=True, slots=True)
class _Term:
    """A membership and when it begins."""

    from_s: float
    membership: Membership


class Share:
    """The arrivals that one worker has to drive, in seconds since the run's start."""

    def __init__(self, schedule: Schedule, membership: Membership) -> None:
        self._blocks: Iterator[Array] = schedule.blocks()
        self._terms = [_Term(-np.inf, membership)]
        # The schedule from the first arrival on that a change of membership might still give us.
        self._ahead: Array = np.empty(0)
        self._before = 0  # arrivals of the schedule that come before those
        self._passed = 0  # of those ahead: they end with the one taken last
        self._mine: list[int] = []  # our places among those ahead, the next one last
        self._taken_s = -np.inf

    def next_due(self) -> float | None:
        """When the next arrival is due, which stays the next one until it is taken; None if there is none.

        Ask again after `reassign`: the next one may have become another worker's.
        """
        while not self._mine:
            if self._is_out() or not self._look_further():
                return None
        return float(self._ahead[self._mine[-1]])

    def take(self) -> float | None:
        """The next arrival's due time; the one after it is then the next. None if there is none."""
        due_s = self.next_due()
        if due_s is not None:
            self._taken_s = due_s
            self._passed = self._mine.pop() + 1
        return due_s

    def reassign(self, at_s: float, membership: Membership) -> bool:
        """Be this member from that time on; changes must be told in the order of their times.

        False if it comes too late: an arrival due at or after that time had been taken, which another
        worker may drive as well.
        """
        if at_s < self._terms[-1].from_s:
            raise ValueError(f"a change at {at_s:g} s was told after one at {self._terms[-1].from_s:g} s")
        self._terms.append(_Term(at_s, membership))
        self._divide()
        return at_s > self._taken_s

    def _is_out(self) -> bool:
        """Whether this worker has left, and all that was still its own has been looked at."""
        last = self._terms[-1]
        return last.membership.worker is None and len(self._ahead) > 0 and self._ahead[-1] >= last.from_s

    def _look_further(self) -> bool:
        block = next(self._blocks, None)
        # A worker that joins after hours must not stop its hub for seconds to divide what was never its own.
        while block is not None and block[-1] < self._joins_s():
            self._before += len(self._ahead) + len(block)
            self._ahead = self._ahead[:0]
            self._passed = 0
            block = next(self._blocks, None)
        if block is None:
            return False
        # Later changes have later times: what lies before the last one is settled.
        settled = max(self._passed, int(np.searchsorted(self._ahead, self._terms[-1].from_s)))
        self._ahead = np.concatenate((self._ahead[settled:], block))
        self._before += settled
        self._passed = 0
        while len(self._terms) > 1 and self._terms[1].from_s <= self._ahead[0]:
            del self._terms[0]
        self._divide()
        return True

    def _joins_s(self) -> float:
        """Before this time no arrival can be ours any more."""
        *earlier, last = self._terms
        return -np.inf if any(term.membership.worker is not None for term in earlier) else last.from_s

    def _divide(self) -> None:
        """Find our places among the arrivals ahead, term by term."""
        borders = [int(np.searchsorted(self._ahead, term.from_s)) for term in self._terms]
        self._mine = []
        for term, (low, high) in zip(self._terms, pairwise([*borders, len(self._ahead)]), strict=True):
            own = term.membership
            if own.worker is not None:
                least = max(low, self._passed)
                first = least + (own.worker - self._before - least) % own.workers
                self._mine += range(first, high, own.workers)
        self._mine.reverse()
