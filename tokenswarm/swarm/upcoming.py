"""Calls that are ready to be made: drawn, worded and encoded a few in a row, before they are due.

One by one between two calls of a user the same takes three times as long, for the code for it has left the
processor's caches (docs/performance.md).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from tokenswarm.metrics.call import CallRecord
from tokenswarm.prompts.mix import CallKind
from tokenswarm.wire.dialect import Request

AHEAD: Final = 16


class Draw(Protocol):
    """Says which kind of call comes next."""

    def next(self) -> CallKind:
        """The next kind; what was drawn is made, and in this order."""


# Not frozen, nor a named tuple: one is made for each call, and either takes half as long again to make.
@dataclass(slots=True)
class ReadyCall:
    """What to send and where, and the record to fill: all of it but when it is due."""

    kind: CallKind
    arm: str
    request: Request
    record: CallRecord


class Upcoming:
    """Of all users that share a draw. Doesn't yield to other greenlets, so they need no lock."""

    def __init__(self, draw: Draw, prepare: Callable[[CallKind], ReadyCall], ahead: int = AHEAD) -> None:
        self._draw = draw
        self._prepare = prepare
        self._ahead = ahead
        self._ready: deque[ReadyCall] = deque()

    def next(self) -> ReadyCall:
        """The next call; nobody else gets it."""
        if not self._ready:
            self._ready.extend(self._prepare(self._draw.next()) for _ in range(self._ahead))
        return self._ready.popleft()
