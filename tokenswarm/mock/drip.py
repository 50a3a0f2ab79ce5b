"""Lets bytes dribble out: what a slow, or a throttled, sender looks like."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from time import perf_counter
from typing import Final

_STEP_S: Final = 0.02


def drip(
    data: bytes,
    bytes_per_s: int,
    write: Callable[[bytes], None],
    at: Callable[[float, Callable[[], None]], None],
    then: Callable[[], None],
) -> None:
    """Write `data` evenly at this rate, by `at(perf_counter's time, callback)`; then call `then`."""
    size = max(1, ceil(bytes_per_s * _STEP_S))
    start_s = perf_counter()

    def write_from(offset: int) -> None:
        write(data[offset : offset + size])
        end = min(offset + size, len(data))
        due_s = start_s + end / bytes_per_s
        at(due_s, then if end == len(data) else lambda: write_from(end))

    if data:
        write_from(0)
    else:
        then()
