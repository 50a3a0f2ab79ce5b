"""A target that is watched in every way while it is loaded: processes, metrics page, log and Redis."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tokenswarm.mock.options import MockOptions
from tokenswarm.mock.stack import start_stack

pytestmark = pytest.mark.end_to_end

# The monitors are a process of their own, which a busy machine may take seconds to start. What they missed
# of the judged time would be missing in its counts, and the verdict says so.
WARM_UP_S = 3
PROFILE = f"""\
stages:
- {{name: warm-up, duration: {WARM_UP_S}s, users: 5, warmup: true}}
- {{name: steady, duration: 5s, users: 5}}
think_time: 50ms
thresholds:
  error_rate: "< 1%"
  target_memory: max < 2GB
  target_cpu: avg < 100%
  target_sockets: min > 0
  target_threads: {{threshold: max < 1, severity: warn}}
  target_requests: rate > 0/s
  target_latency: p(95) < 20s
  target_cache_hit_rate: "< 100%"
  target_logged_ms: p(95) < 20s
  target_completed_total: count > 0
  redis_memory: max < 1GB
  redis_commands: rate > 0/s
  target_nobody: {{threshold: max < 1, if_measured: true}}
"""
STATUSES = {"target_threads": "warn", "target_nobody": "not_measured"}


def read_twice(reports: Path, name: str) -> bool:
    """In the judged time; the last line may be half written."""
    text = "".join(file.read_text() for file in reports.glob("*/samples.jsonl"))
    rows = (json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n"))
    return sum(row["name"] == name and row["at_s"] >= WARM_UP_S for row in rows) >= 2


def test_all_that_is_watched_is_judged_and_drawn(tokenswarm: Callable, tmp_path: Path) -> None:
    """Each line has its figure; a Redis that dies in the middle is said, and costs nothing."""
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed here: the gateway's Redis can't be watched")
    profile, log = tmp_path / "watched.yaml", tmp_path / "gateway.log"
    profile.write_text(PROFILE)
    pace = MockOptions(ttft="5", itl="0", tokens="5")
    with start_stack((pace,), with_redis=True, l1_ttl=60.0, l2=True, request_log=log) as stack:
        redis = stack.redis
        assert redis is not None
        environ = {
            "EDGE_URL": stack.url,
            "EDGE_METRICS_URL": stack.metrics_url,
            "EDGE_LOG": str(log),
            "EDGE_REDIS_URL": redis.url,
        }

        def revive_redis() -> None:
            redis.stop()
            redis.start()

        def kill_redis(command: Any) -> None:
            command.await_that(lambda: read_twice(command.reports, "redis_commands"))
            redis.stop()

        done = tokenswarm(
            *("run", str(profile), "--target", "edge", "--target-pid", str(stack.gateway.pid)),
            environ=environ,
            each_time=revive_redis,
            meanwhile=kill_redis,
        )
    assert done.code == 0, done.out + done.err
    assert "warning: monitor" not in done.err
    summary = json.loads((done.folder / "summary.json").read_text())
    statuses = {row["metric"]: row["status"] for row in summary["thresholds"]}
    assert statuses == {metric: STATUSES.get(metric, "pass") for metric in statuses}
    assert len(statuses) == PROFILE.count("\n  ")
    drawn = {track["chart"] for track in summary["timeline"]["tracks"]}
    own = ("target_requests", "target_logged_ms", "target_latency", "target_sockets", "redis_memory")
    assert {"target_cpu", "memory", *(f"monitored:{name}" for name in own)} <= drawn
    said = {check["state"]: check["text"] for check in summary["checks"] if "monitor" in check["what"]}
    assert said["warning"].startswith(f"redis {redis.url}: ")
    assert "readings failed" in said["warning"]
    assert all(f"{kind} " in said["good"] for kind in ("process", "prometheus", "log"))
    # The gateway's own count, as far as it was watched, agrees with ours.
    lines = (done.folder / "samples.jsonl").read_text().splitlines()
    counted = sum(row["value"] for row in map(json.loads, lines) if row["name"] == "target_requests")
    assert 0.5 * done.counted() < counted <= done.counted()
