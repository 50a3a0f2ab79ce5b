"""Calls that have ended and are yet to be counted: a few dozen at a time, one step after the other.

Between two calls of a busy user much else has run, and the code that counts a call has left the processor's
caches: call by call it takes more than twice as long as in a row (docs/performance.md). No call waits longer
than EVERY_S, and its times were taken before.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final, Generic, TypeVar

import gevent

from tokenswarm.metrics.call import CallRecord

AT_ONCE: Final = 32  # takes a third of a millisecond
EVERY_S: Final = 0.05

U = TypeVar("U")  # who made a call


class EndedCalls(Generic[U]):
    """Of one process."""

    def __init__(
        self,
        finish: Callable[[CallRecord], None],
        tell: Callable[[deque[tuple[CallRecord, U]]], None],
        at_once: int = AT_ONCE,
    ) -> None:
        """`finish` is done to each call, then `tell` to the queue of them, which it empties."""
        self._finish = finish
        self._tell = tell
        self._at_once = at_once
        # Emptied one by one: whoever raises takes no other call with it.
        self._to_finish: deque[tuple[CallRecord, U]] = deque()
        self._to_tell: deque[tuple[CallRecord, U]] = deque()
        self._greenlet = gevent.spawn(self._run)

    def add(self, record: CallRecord, user: U) -> None:
        """A call of this user that ended."""
        self._to_finish.append((record, user))
        if len(self._to_finish) >= self._at_once:
            self.finish_all()

    def finish_all(self) -> None:
        """Leave none waiting."""
        while self._to_finish:
            ended = self._to_finish.popleft()
            self._to_tell.append(ended)
            self._finish(ended[0])
        if self._to_tell:
            self._tell(self._to_tell)

    def stop(self) -> None:
        """None is left waiting; from now on nobody looks by himself."""
        self._greenlet.kill()
        self.finish_all()

    def _run(self) -> None:
        while True:
            gevent.sleep(EVERY_S)
            self.finish_all()
