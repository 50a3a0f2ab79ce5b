"""How much of a core this process uses; Locust looks every five seconds, which a short run never sees."""

from __future__ import annotations

import time
from typing import Final

_SHORTEST_S: Final = 0.2  # over less, the one thing that just ran looks like a busy core


class CpuMeter:
    """CPU of the whole process between two readings."""

    def __init__(self) -> None:
        self._cpu_s = time.process_time()
        self._at_s = time.monotonic()
        self._cores = 0.0

    def read(self) -> float:
        """Cores used since the last reading, 1 = a whole core."""
        cpu_s, at_s = time.process_time(), time.monotonic()
        if at_s - self._at_s >= _SHORTEST_S:
            self._cores = (cpu_s - self._cpu_s) / (at_s - self._at_s)
            self._cpu_s, self._at_s = cpu_s, at_s
        return self._cores
