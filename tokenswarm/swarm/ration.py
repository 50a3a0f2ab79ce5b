"""How wide intervals are written: a file of intervals must fit into its share, whatever comes into it."""

from __future__ import annotations

from typing import Final

from tokenswarm.metrics.interval import MOST_INTERVALS

MOST_BYTES: Final = 40_000_000  # of a run folder that may have 60 MB
_LOOK_EVERY: Final = 16  # intervals: fewer may be unlike the rest


class Ration:
    """Starts with the plan's width and doubles it where the rest of the run would not fit otherwise.

    A gateway with many providers, models and cache layers has hundreds of sets of labels, and a run
    without a planned end has no end of intervals.
    """

    def __init__(self, total_s: float | None, most_bytes: int = MOST_BYTES) -> None:
        """`total_s` is how long the run is planned to last; None if nobody knows."""
        self._total_s = total_s
        self._most_bytes = most_bytes
        self.width_s = 0.0  # the narrowest that may be written
        self.written = 0
        self._lately = 0  # bytes since the last look
        self._looked_at_s = 0.0

    def spend(self, number: int) -> None:
        """So many bytes were written."""
        self.written += number
        self._lately += number

    def look(self, elapsed_s: float) -> None:
        """Double the width if it must be; `elapsed_s` is up to when intervals have been written."""
        passed_s = elapsed_s - self._looked_at_s
        if passed_s < _LOOK_EVERY * self.width_s:
            return
        left_s = max(0.0, (self._total_s or 0.0) - elapsed_s)
        to_come, room = self._lately / passed_s * left_s, self._most_bytes - self.written
        if elapsed_s > 2 * MOST_INTERVALS * self.width_s:
            self.width_s *= 2
        while to_come > room and self.width_s < left_s:
            # An interval twice as wide takes about as much room as one did before.
            self.width_s *= 2
            to_come /= 2
        self._lately, self._looked_at_s = 0, elapsed_s
