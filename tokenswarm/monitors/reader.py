"""What every monitor is: something that is read again and again, and says what it found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


class MonitorError(Exception):
    """It can't be read now; the message says why, in words for the report."""


@dataclass(frozen=True, slots=True)
class Point:
    """A gauge's value, or a counter's growth since its point before. `at_s` is on the monotonic clock."""

    at_s: float
    name: str
    value: float


@dataclass(frozen=True, slots=True)
class Times:
    """Times in seconds and how many of each; `total` is their exact sum, if it is known."""

    at_s: float  # the middle of the time in which they were
    name: str
    values: Mapping[float, int]
    total: float | None = None


@dataclass(slots=True)
class Found:
    """What one reading gave. `notes` are what was odd about it, in words for the report."""

    points: list[Point] = field(default_factory=list)
    times: list[Times] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Reader(Protocol):
    """One monitor. `read` may take its time: nothing else waits for it."""

    @property
    def label(self) -> str:
        """What it is called in messages and reports."""

    def read(self) -> Found:
        """What there is now; MonitorError if it can't be read."""

    def unseen(self) -> tuple[str, ...]:
        """Figures that somebody wanted and that were never there."""

    def close(self) -> None:
        """Let go of files and connections."""


class Counting:
    """Counters of one source, as points: by how much each grew since the reading before."""

    def __init__(self) -> None:
        self._last_at_s: float | None = None
        self._known: set[str] = set()

    def begin(self, name: str, at_s: float) -> list[Point]:
        """The point from which a counter is counted, if it is new; before it was there, it stood at 0."""
        if name in self._known:
            return []
        self._known.add(name)
        return [Point(at_s if self._last_at_s is None else self._last_at_s, name, 0.0)]

    @property
    def is_first(self) -> bool:
        """Whether nothing was read yet."""
        return self._last_at_s is None

    @property
    def last_at_s(self) -> float | None:
        """When the reading before was."""
        return self._last_at_s

    def middle_s(self, at_s: float) -> float:
        """Between the reading before and this one."""
        return at_s if self._last_at_s is None else (self._last_at_s + at_s) / 2

    def done(self, at_s: float) -> None:
        """The reading at this time is over."""
        self._last_at_s = at_s
