"""`tokenswarm run failover`, and a provider that is killed meanwhile: what the report says is the truth."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.end_to_end
WITHIN_S = 0.5
SCALE = "0.1"


def rows_of(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def test_a_killed_primary_is_reported_as_the_mocks_log_has_it(start: Callable, tmp_path: Path) -> None:
    """How long errors lasted after the kill, to half a second; the profile's own faults beside it."""
    logs = tmp_path / "logs"
    command = start("run", "failover", "--time-scale", SCALE, environ={"TOKENSWARM_TRUTH_LOGS": str(logs)})
    folder = command.await_measurements()
    pids = {each["name"]: each["pid"] for each in json.loads((folder / "run.json").read_text())["processes"]}
    assert f"started the primary: pid {pids['primary']}" in command.err
    killed_at = time.time()
    os.kill(pids["primary"], signal.SIGKILL)
    done = command.wait()
    assert done.code in (0, 99, 111), done.out + done.err  # actions that came while it was dead have failed

    calls = [row for row in rows_of(logs / "gateway.jsonl") if "ending" in row]
    ends = [(row["received_at"] + row["total_ms"] / 1000, row) for row in calls]
    lost = [
        end_s - killed_at
        for end_s, row in ends
        if (row["ending"] != "answered" or row["status"] >= 500) and 0 <= end_s - killed_at < 2
    ]
    true_s = max(lost, default=0.0)
    actions = json.loads((done.folder / "summary.json").read_text())["actions"]
    (death,) = [action for action in actions if action["name"] == "the death of primary"]
    assert abs(death["recovery_s"] - true_s) <= WITHIN_S, (death, true_s)
    assert death["lost"] <= len(lost) + 1  # one may have been cut before the gateway had read it
    assert death["usual_provider"] == "primary"
    # The secondary's own log says when answers came from it.
    answered = [row for row in rows_of(logs / "secondary.jsonl") if row.get("ending") == "answered"]
    first_s = min(row["received_at"] + row["total_ms"] / 1000 for row in answered) - killed_at
    assert abs(death["failover_s"] - first_s) <= WITHIN_S
    assert json.loads((done.folder / "run.json").read_text())["deaths"][0]["successor"] is not None
    faults = {"503s", "refusals", "429s", "cuts", "hanging", "slowness"}
    assert faults <= {action["name"] for action in actions}
