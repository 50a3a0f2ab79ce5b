"""What a plain run imports: not what serves or sends its figures, for nobody has asked for that."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[2]
# Locust as its command runs it, to the end; then the names of all that was imported.
PROBE = """
import json, runpy, sys
sys.argv = ["locust", *sys.argv[1:]]
try:
    runpy.run_module("locust", run_name="__main__")
except SystemExit:
    print(json.dumps(sorted(sys.modules)))
"""
FOR_EXPORTS = {"httpx", "prometheus_client", "tokenswarm.exporters.influx", "tokenswarm.exporters.prometheus"}


def test_a_plain_run_imports_no_exporter() -> None:
    """Together they take 80 ms of CPU at the start of each process of a fleet."""
    done = subprocess.run(
        [
            *(sys.executable, "-c", PROBE, "-f", "locustfiles/chat.py", "--headless", "--only-summary"),
            *("--host", "http://127.0.0.1:9", "--users", "1", "--run-time", "1s", "--model", "m"),
        ],
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout, done.stderr
    modules = set(json.loads(done.stdout.splitlines()[-1]))
    assert "tokenswarm.swarm.outlets" in modules, done.stderr
    assert not modules & FOR_EXPORTS
