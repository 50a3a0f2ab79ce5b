"""Profiles at the edge of what makes sense: legal, and so they get a right answer."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.end_to_end
QUICK_MOCK = "mock;ttft=5;itl=0;tokens=2"


def calls_by_stage(folder: Path) -> dict[str, int]:
    """Calls that ended, by the stage in which they were due."""
    found: Counter[str] = Counter()
    for line in (folder / "intervals.jsonl").read_text().splitlines():
        for series in json.loads(line)["series"]:
            found[series["stage"]] += int(series["counts"].get("calls", 0))
    return {stage: count for stage, count in found.items() if count}


def test_ramps_from_nothing_pauses_and_instants_make_exactly_their_calls(
    tokenswarm: Callable[..., Any], tmp_path: Path
) -> None:
    """A rate of 0 makes none, 20 ms at 500/s make ten, and a name that begins as another is another."""
    profile = tmp_path / "odd.yaml"
    profile.write_text(
        "arrivals: constant\nmax_in_flight: 100\nstages:\n"
        "  - {name: ramp, duration: 1s, rate: 100, from: 0}\n"
        "  - {name: pause, duration: 500ms, rate: 0, transition: step}\n"
        "  - {name: hold, duration: 20ms, rate: 500, transition: step}\n"
        "  - {name: hold-2, duration: 1s, rate: 50, transition: step}\n"
        "thresholds: {'requests{stage:hold}': [count >= 10, count <= 10]}\n"
    )
    done = tokenswarm("run", str(profile), "--workers", "2", "--model", QUICK_MOCK)
    assert calls_by_stage(done.folder) == {"ramp": 50, "hold": 10, "hold-2": 50}, done.err
    assert done.run["mock"]["received"] == 110
    lines = json.loads((done.folder / "summary.json").read_text())["thresholds"]
    assert [line["status"] for line in lines] == ["pass", "pass"]


def test_stages_between_two_ticks_are_not_left_out(tokenswarm: Callable[..., Any], tmp_path: Path) -> None:
    """Locust looks at its shape once a second, from the start on; here stages begin and end in between."""
    profile = tmp_path / "short.yaml"
    profile.write_text(
        "stages:\n"
        "  - {name: first, duration: 100ms, users: 3}\n"
        "  - {name: second, duration: 850ms, users: 5, transition: step}\n"
        "  - {name: third, duration: 70ms, users: 3, transition: step}\n"
        "  - {name: fourth, duration: 30ms, users: 3}\n"
        "  - {name: peak, duration: 900ms, users: 20, transition: step}\n"
        "  - {name: after, duration: 1s, users: 2, transition: step}\n"
        "think_time: 20ms\n"
    )
    done = tokenswarm("run", str(profile), "--model", QUICK_MOCK)
    log = (done.folder / "run.log").read_text()
    ramps = [line.partition("Ramping to ")[2].split()[0] for line in log.splitlines() if "Ramping to" in line]
    # A machine that stands still may step over the stages of a few milliseconds, and over none of the others.
    assert [users for users in ramps if users != "3"] == ["5", "20", "2"], done.err
    assert done.counted() == done.run["mock"]["received"] > 0
