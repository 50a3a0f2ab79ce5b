"""How much of a core this process uses; Locust looks every five seconds, which a short run never sees."""

from __future__ import annotations

import time


class CpuMeter:
    """CPU of the whole process between two readings."""

    def __init__(self) -> None:
        self._cpu_s = time.process_time()
        self._at_s = time.monotonic()

    def read(self) -> float:
        """Cores used since the last reading, 1 = a whole core."""
        cpu_s, at_s = time.process_time(), time.monotonic()
        used = (cpu_s - self._cpu_s) / max(at_s - self._at_s, 1e-9)
        self._cpu_s, self._at_s = cpu_s, at_s
        return used
