"""What Locust collects stays bounded, and its CSV is whole at the end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

# In a process of its own: importing locust patches the whole process.
PRUNE = """
from locust.stats import RequestStats
from tokenswarm.swarm.locust_bounds import prune
stats = RequestStats()
prune(stats)
stats.log_request("POST", "chat", 100, 1)
stats.log_error("POST", "chat", "http_5xx 500")
now = int(stats.last_request_timestamp)
for entry in (stats.total, stats.get("chat", "POST")):
    for second in range(now - 90_000, now):
        entry.num_reqs_per_sec[second] = entry.num_fail_per_sec[second] = 7
stats.history = [{"time": i} for i in range(17_280)]
rates = stats.total.current_rps, stats.total.current_fail_per_sec
for _ in range(5):
    prune(stats)
for entry in (stats.total, stats.get("chat", "POST")):
    assert 60 < len(entry.num_reqs_per_sec) < 200, len(entry.num_reqs_per_sec)
    assert 60 < len(entry.num_fail_per_sec) < 200
assert (stats.total.current_rps, stats.total.current_fail_per_sec) == rates
assert 500 < len(stats.history) <= 2_000, len(stats.history)
assert stats.history[0] == {"time": 0}
assert stats.num_requests == 1
"""

CSV = """
import sys
from locust.env import Environment
from tokenswarm.profile.places import SearchPath
from tokenswarm.profile.resolve import Names
from tokenswarm.swarm.locust_bounds import BoundedCsv
from tokenswarm.swarm.plan import build_plan
from tokenswarm.swarm.sessions import open_session
from pathlib import Path
environment = Environment()
names = Names("soak", target="http://127.0.0.1:1", model="m")
places = SearchPath.of(Path.cwd())
plan = build_plan(names, scenario="chat", seed=1, places=places, environ={"SOAK_DURATION": "24h"})
open_session(environment, lambda: plan).make_plan()
csv = BoundedCsv(environment, [0.5, 0.95], sys.argv[1], full_history=True)
environment.stats.log_request("POST", "chat", 100, 1)
csv.requests_csv(csv.requests_csv_writer)
for second in range(1_000_000, 1_000_000 + 1024):
    csv._stats_history_data_rows(csv.stats_history_csv_writer, second + 0.01)
environment.stats.log_request("POST", "chat", 100, 1)
csv.close_files()
"""

# Locust's writer sleeps for a second between two rounds; a process that takes longer to end wakes it up.
CLOSED = """
import gevent
import sys
from locust.env import Environment
from tokenswarm.swarm.locust_bounds import BoundedCsv
from tokenswarm.swarm.sessions import open_session
environment = Environment()
open_session(environment, lambda: sys.exit("a writer needs no plan"))
csv = BoundedCsv(environment, [0.5, 0.95], sys.argv[1])
writer = gevent.spawn(csv.stats_writer)
gevent.idle()
assert csv.requests_csv_filehandle.tell() > 0
csv.close_files()
writer.join(timeout=20)
assert writer.successful(), writer.exception
"""


def run(script: str, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error::ResourceWarning", "-c", script, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_counts_of_single_seconds_are_forgotten() -> None:
    """A day of them goes; the rates of now and all totals stay, and the charts keep the whole run."""
    run(PRUNE)


def test_locusts_csv_has_a_row_an_interval_and_all_calls(tmp_path: Path) -> None:
    """A day has intervals of 256 s: four in 1,024 s, two rows each. What came last is in the totals."""
    run(CSV, str(tmp_path / "locust"))
    history = (tmp_path / "locust_stats_history.csv").read_text().splitlines()
    assert len(history) == 4 * 2
    (aggregated,) = [
        row for row in (tmp_path / "locust_stats.csv").read_text().splitlines() if ",Aggregated," in row
    ]
    assert aggregated.split(",")[2] == "2"


def test_the_writer_ends_quietly_when_its_files_are_closed(tmp_path: Path) -> None:
    """The files close while it sleeps; a run that ended well must not end with a traceback."""
    run(CLOSED, str(tmp_path / "locust"))
