"""A clock without steps for Locust, which takes durations from the wall clock.

A machine whose clock is set while a run goes on would upset
    the shape      a step back by an hour within a tick: Locust sleeps for an hour, and the load goes on
    the workers    a step ahead by a minute: the master seems silent, and they quit
    statistics     calls per second of seconds that never were
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


class SteadyTime:
    """Stands in for the `time` module: the wall clock as it was once, and from there on as time passes."""

    def __init__(
        self, wall: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._monotonic = monotonic
        self._began_s = wall() - monotonic()

    def time(self) -> float:
        """Seconds since 1970, which never step."""
        return self._began_s + self._monotonic()

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)
