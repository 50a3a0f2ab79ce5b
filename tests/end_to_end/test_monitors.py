"""A target that is watched in every way while it is loaded: processes, metrics page, log and Redis."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tokenswarm.mock.options import MockOptions
from tokenswarm.mock.stack import start_stack

pytestmark = pytest.mark.end_to_end

PROFILE = """\
stages: [{name: steady, duration: 4s, users: 5}]
think_time: 50ms
thresholds:
  error_rate: "< 1%"
  target_memory: max < 2GB
  target_cpu: avg < 100%
  target_sockets: min > 0
  target_threads: {threshold: max < 1, severity: warn}
  target_requests: rate > 0/s
  target_latency: p(95) < 20s
  target_in_flight: max < 1000
  target_cache_hit_rate: "< 100%"
  target_logged_ms: p(95) < 20s
  target_completed_total: count > 0
  redis_memory: max < 1GB
  redis_commands: rate > 0/s
  target_nobody: {threshold: max < 1, if_measured: true}
"""
TARGET = """\
url: {url}
model: mock
gateway: llm-edge-agent
monitor:
  process: {pid}
  prometheus:
    - {{url: "{metrics}", values: {{target_in_flight: tokenswarm_mock_gateway_in_flight}}}}
    - {{url: "http://127.0.0.1:9/metrics", preset: none, values: {{target_nobody: nobody}}}}
  log:
    file: {log}
    values:
      target_logged_ms: 'Request completed.*total_latency_ms=([0-9.]+)'
      target_completed_total: Request completed
  redis: {{url: "{redis}"}}
"""
STATUSES = {"target_threads": "warn", "target_nobody": "not_measured"}


def test_all_that_is_watched_is_judged_and_drawn(tokenswarm: Callable, tmp_path: Path) -> None:
    """Each line has its figure; a page that doesn't answer is said before and after, and costs nothing."""
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed here: the gateway's Redis can't be watched")
    profile, target, log = (tmp_path / name for name in ("watched.yaml", "target.yaml", "gateway.log"))
    profile.write_text(PROFILE)
    pace = MockOptions(ttft="5", itl="0", tokens="5")
    with start_stack((pace,), with_redis=True, l1_ttl=60.0, l2=True, request_log=log) as stack:
        assert stack.redis is not None
        target.write_text(
            TARGET.format(
                url=stack.url,
                pid=stack.gateway.pid,
                metrics=stack.metrics_url,
                log=log.name,
                redis=stack.redis.url,
            )
        )
        done = tokenswarm("run", str(profile), "--target", str(target))
    assert done.code == 0, done.out + done.err
    assert "warning: monitor: prometheus http://127.0.0.1:9/metrics: Connection refused" in done.err
    summary = json.loads((done.folder / "summary.json").read_text())
    statuses = {row["metric"]: row["status"] for row in summary["thresholds"]}
    assert statuses == {metric: STATUSES.get(metric, "pass") for metric in statuses}
    assert len(statuses) == PROFILE.count("\n  ")
    drawn = {track["chart"] for track in summary["timeline"]["tracks"]}
    own = ("target_requests", "target_logged_ms", "target_latency", "target_in_flight", "redis_memory")
    assert {"target_cpu", "memory", *(f"monitored:{name}" for name in own)} <= drawn
    said = {check["state"]: check["text"] for check in summary["checks"] if "monitor" in check["what"]}
    assert "prometheus http://127.0.0.1:9/metrics" in said["warning"]
    assert all(f"{kind} " in said["good"] for kind in ("process", "prometheus", "log", "redis"))
    # The gateway's own count, as far as it was watched, agrees with ours.
    lines = (done.folder / "samples.jsonl").read_text().splitlines()
    counted = sum(row["value"] for row in map(json.loads, lines) if row["name"] == "target_requests")
    assert 0.5 * done.counted() < counted <= done.counted()
