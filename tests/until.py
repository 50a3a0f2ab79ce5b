"""Waiting for what happens in another process, with a bound and without a guess how long it takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(
    look: Callable[[], T],
    *,
    within_s: float = 20.0,
    every_s: float = 0.01,
    said: Callable[[], object] = lambda: "waited too long",
) -> T:
    """What `look` says once it says something true; else the test fails with what was `said`."""
    deadline_s = time.monotonic() + within_s
    while not (found := look()):
        assert time.monotonic() < deadline_s, said()
        time.sleep(every_s)
    return found
