"""Our counting of a request leaves Locust's statistics as its own does."""

from __future__ import annotations

import subprocess
import sys

# In a process of its own: importing locust patches the whole process.
SCRIPT = """
from random import Random
from locust import stats
from locust.stats import RequestStats
from tokenswarm.swarm.locust_log import log_request, log_requests

class Clock:
    now_s = 1_700_000_000.25
    def time(self):
        return self.now_s

def seen(counted):
    entries = [counted.total, *counted.entries.values()]
    return [
        (entry.name, entry.method, entry.serialize(), entry.response_times_cache, entry.num_none_requests)
        for entry in entries
    ]

# Times are whole eighths: their sums are exact, in whatever order.
stats.time = clock = Clock()
rng = Random(1)
for cached in (False, True):
    theirs, ours = (RequestStats(use_response_times_cache=cached) for _ in range(2))
    for _ in range(600):
        clock.now_s += rng.choice([0, 0.1, 1.0])
        time_ms = rng.choice([None, 0, 0.5, 99.5, 99.375, 149.0, 1051.25, 99_999.0, rng.randint(0, 400) / 8])
        row = rng.choice(["POST", "WS"]), rng.choice(["a", "b"])
        RequestStats.log_request(theirs, *row, time_ms, 10)
        log_request(ours, *row, time_ms, 10)
        if rng.random() < 0.1:
            many_ms = [rng.choice([None, rng.randint(0, 400) / 8]) for _ in range(rng.randint(1, 40))]
            log_requests(ours, *row, many_ms, 10 * len(many_ms))
            for time_ms in many_ms:
                RequestStats.log_request(theirs, *row, time_ms, 10)
    assert seen(ours) == seen(theirs)
    assert len(ours.entries) == 4 and ours.total.num_none_requests
"""


def test_both_ways_of_counting_agree() -> None:
    """Times of all roundings, and none, several rows, over some minutes, with and without Locust's cache."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
