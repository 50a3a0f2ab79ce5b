"""Held connections from the command line to the verdict: every call, message and drop is accounted for."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tokenswarm.mock.options import MockOptions
from tokenswarm.mock.process import MockProcess

pytestmark = pytest.mark.end_to_end


def total(folder: Path, name: str) -> int:
    """A counter's sum over the whole run."""
    lines = (folder / "intervals.jsonl").read_text().splitlines()
    return int(sum(series["counts"].get(name, 0) for line in lines for series in json.loads(line)["series"]))


def samples(folder: Path, name: str) -> list[float]:
    rows = map(json.loads, (folder / "samples.jsonl").read_text().splitlines())
    return [row["value"] for row in rows if row["name"] == name]


def profile(tmp_path: Path, scenario: str, body: str) -> str:
    file = tmp_path / "mine.yaml"
    file.write_text(f"scenario: {scenario}\n{body}\n")
    return str(file)


def test_the_shipped_profile_holds_its_connections(tokenswarm: Callable[..., Any]) -> None:
    """Against the embedded mock: as many calls as it received, nothing dropped, all connections up."""
    done = tokenswarm("run", "websocket", "--time-scale", "0.08")
    assert done.counted() == done.run["mock"]["received"] > 0, done.out + done.err
    assert done.run["mock"]["cut"] == 0
    assert done.run["state"] == "finished"
    assert total(done.folder, "ws_drops") == 0
    assert max(samples(done.folder, "ws_open")) == 150
    report = (done.folder / "report.html").read_text()
    assert "Open WebSockets" in report
    assert "messages on WebSockets per second" in report
    assert "WS,websocket medium stream" in (done.folder / "locust_stats.csv").read_text()


def test_drops_and_faults_are_counted_to_the_last_one(start: Callable[..., Any], tmp_path: Path) -> None:
    """Two workers, a server that hangs up after each answer, calls that fail: our counts are the mock's."""
    stages = "stages: [{name: steady, duration: 4s, users: 10}]\nthink_time: 100ms"
    load = profile(tmp_path, "websocket_chat", f"{stages}\nthresholds: {{error_rate: '< 90%'}}")
    orders = ("hang_up=20", "close_code=1001", "error_rate=20%", "status=503")
    with MockProcess(MockOptions(ttft="5", itl="1", tokens="3", orders=orders)) as mock:
        done = start("run", load, "--target", mock.url, "--model", "mock", "--workers", "2").wait()
        after = mock.counters()
    assert "preflight: 1 calls" in done.err, done.err
    lines = (done.folder / "intervals.jsonl").read_text().splitlines()
    series = [row for line in lines for row in json.loads(line)["series"] if "calls" in row["counts"]]
    failed = int(sum(row["counts"]["calls"] for row in series if row["labels"]["outcome"] == "stream_error"))
    assert done.counted() == after.received - 1, done.out + done.err
    assert failed == after.by_status[503] > 0
    assert after.in_flight == after.websockets_open == 0
    drops, reconnects = total(done.folder, "ws_drops"), total(done.folder, "reconnects")
    # Each reconnect mends a drop; a user's last connection may drop when no call follows.
    assert done.counted() * 0.5 < reconnects <= drops <= after.websockets_opened
    faults = {
        (fault["outcome"], fault["message"]): fault["count"]
        for line in lines
        for fault in json.loads(line)["faults"]
    }
    assert any(outcome == "dropped" and "1001 (going away)" in message for outcome, message in faults)
    assert "Traceback" not in done.err


def test_open_arrivals_talk_on_held_connections(tokenswarm: Callable[..., Any], tmp_path: Path) -> None:
    """Calls start by the clock, on the connection that rested least; each start is made or counted."""
    load = profile(
        tmp_path,
        "realtime",
        "arrivals: constant\nmax_in_flight: 30\nstages: [{name: hold, duration: 3s, rate: 40}]\n"
        "thresholds: {error_rate: '< 1%'}",
    )
    done = tokenswarm("run", load)
    assert done.code in (0, 111), done.out + done.err  # 111: this machine was too busy to be on time
    assert done.counted() == done.run["mock"]["received"] > 0
    assert done.counted() + total(done.folder, "dropped_starts") == 120
