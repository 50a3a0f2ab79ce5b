"""What was reported within the last seconds, for who shows a run while it goes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final

from tokenswarm.metrics.measurements import Measurements
from tokenswarm.metrics.reduced import reduced
from tokenswarm.metrics.series import Delta, Series, SeriesKey
from tokenswarm.metrics.source import StageSpan

WINDOW_S: Final = 5.0
SHOWN: Final = ("latency", "ttft")
_WHOLE_S: Final = 1e9  # one interval


class Recent:
    """Calls by outcome and the times that are shown, of the last WINDOW_S."""

    def __init__(self) -> None:
        self._entries: deque[tuple[float, Measurements]] = deque()

    def absorb(self, delta: Delta, elapsed_s: float) -> None:
        """Add a delta that arrived `elapsed_s` after the run's start."""
        entry = Measurements((), _WHOLE_S)
        _add(reduced(delta.series.items(), SHOWN), entry)
        self._entries.append((elapsed_s, entry))
        self._forget(elapsed_s)

    def at(self, elapsed_s: float) -> Measurements:
        """All of it, in one stage, warm-ups included."""
        self._forget(elapsed_s)
        whole = Measurements((StageSpan("recent", 0, min(elapsed_s, WINDOW_S)),), _WHOLE_S)
        for _, entry in self._entries:
            _add(entry.each(), whole)
        return whole

    def _forget(self, elapsed_s: float) -> None:
        while self._entries and self._entries[0][0] < elapsed_s - WINDOW_S:
            self._entries.popleft()


def _add(series: Iterator[tuple[SeriesKey, Series]], to: Measurements) -> None:
    for key, one in series:
        to.add(key._replace(interval=0), one)
