"""Locust's own counting of a request, with the same result in half of the time.

Locust looks at the clock and rounds the response time once for the row and once more for the total, through
eight functions: a sixth of all that a call costs the generator (benchmarks/parts.py). It has no seam here, so
`install` puts ours in its place.
"""

from __future__ import annotations

from locust import stats
from locust.stats import RequestStats, StatsEntry


def log_request(
    self: RequestStats, method: str, name: str, response_time: float, content_length: int
) -> None:
    """Count a request in its row and in the total, as RequestStats.log_request does."""
    # Looked up at each call: both may be replaced (steady_time.py; Locust's docs on bucketing).
    now_s = stats.time.time()  # type: ignore[attr-defined]  # its module, or what stands for it
    rounded = None if response_time is None else stats.bucket_response_time(response_time)
    _log(self.total, now_s, response_time, rounded, content_length)
    _log(self.entries[(name, method)], now_s, response_time, rounded, content_length)


def _log(
    entry: StatsEntry, now_s: float, response_time: float | None, rounded: int | None, content_length: int
) -> None:
    second, last_s = int(now_s), entry.last_request_timestamp
    if entry.use_response_times_cache and last_s and second > int(last_s):
        entry._cache_response_times(second - 1)
    entry.num_requests += 1
    entry.num_reqs_per_sec[second] += 1
    entry.last_request_timestamp = now_s
    entry.total_content_length += content_length
    if response_time is None or rounded is None:
        entry.num_none_requests += 1
        return
    entry.total_response_time += response_time  # type: ignore[assignment]  # Locust says int and adds floats
    lowest = entry.min_response_time
    if lowest is None or response_time < lowest:
        entry.min_response_time = response_time  # type: ignore[assignment]  # as above
    if response_time > entry.max_response_time:
        entry.max_response_time = response_time  # type: ignore[assignment]  # as above
    entry.response_times[rounded] += 1


def install() -> None:
    """Have all statistics of this process counted this way."""
    RequestStats.log_request = log_request  # type: ignore[method-assign]  # Locust has no seam
