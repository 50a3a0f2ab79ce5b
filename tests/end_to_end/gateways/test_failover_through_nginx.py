"""A provider dies under load behind a real gateway: the report says what that cost, and for how long."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tokenswarm.mock.options import MockOptions
from tokenswarm.mock.process import MockProcess

from .conftest import nginx_before

pytestmark = pytest.mark.end_to_end
USERS = 6
WITHIN_S = 0.5


def test_a_killed_primary_costs_the_calls_in_flight_and_no_more(tokenswarm: Callable, tmp_path: Path) -> None:
    """The recovery time is the truth's, which the secondary's log knows, to half a second."""
    profile = tmp_path / "kill.yaml"
    profile.write_text(
        f"stages: [{{name: hold, duration: 11s, users: {USERS}}}]\n"
        "streaming: 100%\n"
        "timeouts: {connect: 2s, first_token: 4s, idle: 4s, total: 8s}\n"
        "actions: [{at: hold+3s, name: primary killed, command: 'kill -KILL ${PRIMARY_PID}'}]\n"
        "thresholds: {recovery_time: 'max < 3s'}\n"
    )
    log = tmp_path / "secondary.jsonl"
    pace = {"ttft": "30", "itl": "5", "tokens": "30"}
    with (
        MockProcess(MockOptions(**pace)) as primary,
        MockProcess(MockOptions(**pace, truth_log=log)) as secondary,
        nginx_before(primary, secondary, tmp_path) as url,
    ):
        done = tokenswarm(
            *("run", str(profile), "--target", url, "--model", "mock"),
            environ={"PRIMARY_PID": str(primary.pid)},
        )
        assert secondary.counters().answered > 0
    assert done.code in (0, 111), done.out + done.err  # the generator may have been starved
    (action,) = json.loads((done.folder / "summary.json").read_text())["actions"]
    assert action["is_ok"], action
    assert 0 < action["lost"] <= USERS, action
    calls = [json.loads(line) for line in log.read_text().splitlines()]
    first = min(calls, key=lambda call: call["received_at"])
    # The secondary's first answer ends a call's length after the primary's death at the latest.
    longest_s = first["total_ms"] / 1000
    assert action["recovery_s"] <= longest_s + WITHIN_S, action
    # nginx names who it asked; answers went over when the secondary's own log says that they did.
    assert action["usual_provider"] == primary.url.removeprefix("http://")
    assert action["failover_s"] <= longest_s + WITHIN_S, action
    assert action["phases"][-1]["name"] == "after"
    assert action["phases"][-1]["error_rate"] == 0
