"""Makes a worker's part of Locust's own statistics fit to be added to the master's.

Locust keeps each second and each rounded time that a worker names, for ever, and the earliest start. A
worker whose clock is wrong spoils the rates of all, and a forger fills the memory: so seconds are moved to
those that have just passed here, and times are rounded as Locust rounds them.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from locust.stats import RequestStats, bucket_response_time

_MOST_ROWS: Final = 1_000  # names and methods; and as many errors
_RECENT_S: Final = 15  # reports come every second, and are late by no more than a worker is missed
_LONGEST_MS: Final = 10**8


def tame(data: dict[str, Any], stats: RequestStats, now_s: float) -> None:
    """Change a report that has the right shape in place; `now_s` is seconds since the epoch."""
    rows = data["stats"]
    room = _MOST_ROWS - len(stats.entries)
    kept: list[dict[str, Any]] = []
    for row in rows:
        if (row["name"], row["method"]) not in stats.entries:
            room -= 1
            if room < 0:
                continue
        kept.append(row)
    data["stats"] = kept
    for row in (*kept, data["stats_total"]):
        _tame_row(row, stats.start_time, now_s)
    known = stats.errors
    data["errors"] = {
        key: error for key, error in data["errors"].items() if key in known or len(known) < _MOST_ROWS
    }


def _tame_row(row: dict[str, Any], started_s: float, now_s: float) -> None:
    row["start_time"] = min(max(row["start_time"], started_s), now_s)
    if row["last_request_timestamp"] is not None:
        row["last_request_timestamp"] = min(max(row["last_request_timestamp"], now_s - _RECENT_S), now_s)
    for name in ("num_reqs_per_sec", "num_fail_per_sec"):
        row[name] = _summed(
            (min(max(s, int(now_s) - _RECENT_S), int(now_s)), n) for s, n in row[name].items()
        )
    row["response_times"] = _summed(
        (bucket_response_time(min(max(ms, 0), _LONGEST_MS)), n) for ms, n in row["response_times"].items()
    )


def _summed(counts: Any) -> dict[int, int]:
    summed: Counter[int] = Counter()
    for key, count in counts:
        summed[key] += count
    return dict(summed)
