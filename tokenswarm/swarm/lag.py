"""How late gevent's hub runs a timer that is due: what every time measured in this process may be late by."""

from __future__ import annotations

import time
from typing import Final

import gevent

_EVERY_S: Final = 0.05


class LagProbe:
    """A greenlet that sleeps for a known time and notes how much longer it took."""

    def __init__(self) -> None:
        self._lags_s: list[float] = []
        self._greenlet = gevent.spawn(self._run)

    def take(self) -> list[float]:
        """Lags in seconds since the last take."""
        lags_s, self._lags_s = self._lags_s, []
        return lags_s

    def stop(self) -> None:
        """End the greenlet."""
        self._greenlet.kill()

    def _run(self) -> None:
        while True:
            due_s = time.monotonic() + _EVERY_S
            gevent.sleep(_EVERY_S)
            late_s = max(0.0, time.monotonic() - due_s)
            # A timer that should have fired meanwhile would have been late as well: without those, a
            # standstill of seconds would be one sample among many, and no percentile would show it.
            self._lags_s.append(late_s)
            while (late_s := late_s - _EVERY_S) > 0:
                self._lags_s.append(late_s)
