"""Locust counts ended calls alike whether or not anybody else listens to its `request` event."""

from __future__ import annotations

import subprocess
import sys

# In a process of its own: importing locust patches the whole process.
SCRIPT = """
from collections import deque
from random import Random
from locust.env import Environment
from locust.exception import StopUser
from tokenswarm.metrics.call import CallRecord
from tokenswarm.swarm.locust_rows import tell_locust

class Caller:
    row, method, stops = "chat", "POST", 0
    def __init__(self, environment):
        self.environment = environment
    def stop(self):
        self.stops += 1
        return True

def calls():
    rng = Random(1)
    for _ in range(200):
        record = CallRecord(0.0)
        record.arm = rng.choice(["gateway", "provider"])
        record.prompt, record.stream = rng.choice(["short", "long"]), rng.choice([True, False])
        record.outcome = rng.choice(["success", "expected", "interrupted", "connect", "http_5xx"])
        record.status = {"success": 200, "http_5xx": rng.choice([500, 503])}.get(record.outcome, 0)
        if record.outcome != "connect":
            record.sent_at_s, record.ended_at_s = 1.0, 1.0 + rng.choice([0, 0.0004, rng.random()])
        record.bytes_received = rng.randint(0, 1000)
        yield record

def seen(environment):
    stats = environment.stats
    rows = {key: (row.num_requests, row.num_failures, row.num_none_requests, row.total_content_length,
                  round(row.total_response_time, 6), row.min_response_time, row.max_response_time,
                  row.response_times) for key, row in [*stats.entries.items(), ("total", stats.total)]}
    return rows, {key: error.occurrences for key, error in stats.errors.items()}

quiet, heard = Environment(), Environment()
for environment in (quiet, heard):
    environment.create_local_runner()
rows = []
heard.events.request.add_listener(lambda name, **_: rows.append(name))
for environment in (quiet, heard):
    queue = deque((record, Caller(environment)) for record in calls())
    tell_locust(queue)
    assert not queue
assert seen(quiet) == seen(heard)
assert len(rows) == quiet.stats.total.num_requests > 100
assert set(rows) == {name for name, _ in quiet.stats.entries}
assert "provider chat long stream" in rows and "chat short plain" in rows
failures = {str(error.error) for error in quiet.stats.errors.values()}
assert failures == {"http_5xx 500", "http_5xx 503", "connect"}, failures

def strict(**_):
    raise StopUser
heard.events.request.add_listener(strict)
caller = Caller(heard)
told = next(record for record in calls() if record.outcome == "success")
tell_locust(deque([(told, caller)]))
assert caller.stops == 1
"""


def test_rows_are_the_same_with_and_without_another_listener() -> None:
    """Successes, failures, calls without a time and interrupted ones; a listener may stop the user."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
