"""Keeps what Locust itself collects from growing with the length of a run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from locust.stats import RequestStats, StatsCSVFileWriter

from tokenswarm.swarm.sessions import session_of

# Locust's rates look back 12 s; workers whose reports or clocks lag behind need some more.
_KEPT_S: Final = 120
_MOST_POINTS: Final = 2_000  # of the web UI's charts, one each 5 s: 300 kB a thousand
_JITTER_S: Final = 0.5  # Locust looks every second or so


def prune(stats: RequestStats) -> None:
    """Forget counts of single seconds that nobody reads any more, and every other point of a long history."""
    if stats.last_request_timestamp is None:
        return
    oldest = int(stats.last_request_timestamp) - _KEPT_S
    for entry in (stats.total, *stats.entries.values()):
        for counts in (entry.num_reqs_per_sec, entry.num_fail_per_sec):
            for second in _before(oldest, counts):
                del counts[second]
    if len(stats.history) > _MOST_POINTS:
        del stats.history[1::2]


def _before(oldest: int, seconds: Iterable[int]) -> list[int]:
    return [second for second in seconds if second < oldest]


class BoundedCsv(StatsCSVFileWriter):
    """Locust's CSV files, with one history row an interval, and whole at the end.

    Locust appends a row for each name every second: 100 MB a day. And it leaves the other files as they
    were up to a second before the end.
    """

    _history_at_s = 0.0

    def stats_writer(self) -> None:
        """Write until the files are closed, which Locust does under a writer that is only asleep."""
        try:
            super().stats_writer()
        except ValueError:
            if not self.requests_csv_filehandle.closed:
                raise

    def _stats_history_data_rows(self, csv_writer: object, now: float) -> None:
        plan = session_of(self.environment).current_plan
        every_s = plan.width_s if plan is not None else 1.0
        if now - self._history_at_s >= every_s - _JITTER_S:
            self._history_at_s = now
            super()._stats_history_data_rows(csv_writer, now)  # type: ignore[arg-type]  # Locust's own

    def close_files(self) -> None:
        """Write what came last, then close."""
        files = (
            (self.requests_csv_filehandle, self.requests_csv, self.requests_csv_writer),
            (self.failures_csv_filehandle, self.failures_csv, self.failures_csv_writer),
            (self.exceptions_csv_filehandle, self.exceptions_csv, self.exceptions_csv_writer),
        )
        for file, write, writer in files:
            file.seek(0)
            write(writer)
            file.truncate()
        super().close_files()
