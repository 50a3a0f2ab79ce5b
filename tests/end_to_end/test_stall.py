"""A target that stands still for two seconds: the open model shows it, the closed one hides it."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tokenswarm.mock.options import MockOptions
from tokenswarm.mock.process import MockProcess

pytestmark = pytest.mark.end_to_end
STALL_S = 2.0
OPEN = "arrivals: constant\nmax_in_flight: 400\nstages: [{name: hold, duration: 6s, rate: 100}]\n"
CLOSED = "stages: [{name: hold, duration: 6s, users: 2}]\n"


def spreads_of_a_stalled_run(start: Callable[..., Any], profile: Path, load: str) -> dict[str, Any]:
    """Milliseconds by metric and figure, of a run whose target stalls in its middle."""
    profile.write_text(load)
    with MockProcess(MockOptions(ttft="5", itl="0", tokens="2")) as mock:
        running = start("run", str(profile), "--target", mock.url, "--model", "mock")
        folder = running.await_measurements()
        os.kill(mock.pid, signal.SIGSTOP)
        try:
            time.sleep(STALL_S)  # this is the stall itself, and nothing is waited for
        finally:
            os.kill(mock.pid, signal.SIGCONT)
        done = running.wait()
    assert done.run["state"] == "finished", done.err
    spreads = json.loads((folder / "summary.json").read_text())["spreads"]
    return {spread["metric"]: spread for spread in spreads if spread["group"] == "all"}


def test_a_stall_shows_in_the_open_model(start: Callable[..., Any], tmp_path: Path) -> None:
    """Two hundred calls were due while nothing answered, and each of them waited."""
    effective = spreads_of_a_stalled_run(start, tmp_path / "open.yaml", OPEN)["effective_latency"]
    assert effective["p99_ms"] >= 1500
    assert effective["p90_ms"] >= 500


def test_a_stall_hides_in_the_closed_model(start: Callable[..., Any], tmp_path: Path) -> None:
    """It held one call of each user, two of many hundreds: the p99 knows nothing of it."""
    effective = spreads_of_a_stalled_run(start, tmp_path / "closed.yaml", CLOSED)["effective_latency"]
    assert effective["max_ms"] >= 1500
    assert effective["count"] > 250
    assert effective["p99_ms"] < 500
