"""Locust's own counting of requests, with the same result in a fraction of the time.

Locust looks at the clock and rounds the response time once for the row and once more for the total, through
eight functions, for each request by itself: a tenth of all that a call costs the generator
(benchmarks/parts.py). It has no seam here, so `install` puts ours in its place.
"""

from __future__ import annotations

from collections.abc import Sequence

from locust import stats
from locust.stats import RequestStats, StatsEntry


def log_request(
    self: RequestStats, method: str, name: str, response_time: float | None, content_length: int
) -> None:
    """Count a request in its row and in the total, as RequestStats.log_request does."""
    log_requests(self, method, name, [response_time], content_length)


def log_requests(
    counted: RequestStats,
    method: str,
    name: str,
    response_times: Sequence[float | None],
    content_length: int,
) -> None:
    """Count requests of one row that ended now, `content_length` bytes together; times are ms, or None."""
    # Looked up at each call: both may be replaced (steady_time.py; Locust's docs on bucketing).
    now_s = stats.time.time()  # type: ignore[attr-defined]  # its module, or what stands for it
    times = [time for time in response_times if time is not None]
    rounded = [stats.bucket_response_time(time) for time in times]
    for entry in (counted.total, counted.entries[(name, method)]):
        _log(entry, now_s, len(response_times), content_length)
        entry.num_none_requests += len(response_times) - len(times)
        if times:
            _log_times(entry, times, rounded)


def _log(entry: StatsEntry, now_s: float, requests: int, content_length: int) -> None:
    second, last_s = int(now_s), entry.last_request_timestamp
    if entry.use_response_times_cache and last_s and second > int(last_s):
        entry._cache_response_times(second - 1)
    entry.num_requests += requests
    entry.num_reqs_per_sec[second] += requests
    entry.last_request_timestamp = now_s
    entry.total_content_length += content_length


def _log_times(entry: StatsEntry, times: Sequence[float], rounded: Sequence[int]) -> None:
    entry.total_response_time += sum(times)  # type: ignore[assignment]  # Locust says int and adds floats
    shortest, longest = min(times), max(times)
    lowest = entry.min_response_time
    if lowest is None or shortest < lowest:
        entry.min_response_time = shortest  # type: ignore[assignment]  # as above
    if longest > entry.max_response_time:
        entry.max_response_time = longest  # type: ignore[assignment]  # as above
    histogram = entry.response_times
    for time in rounded:
        histogram[time] += 1


def install() -> None:
    """Have all statistics of this process counted this way."""
    RequestStats.log_request = log_request  # type: ignore[method-assign]  # Locust has no seam
