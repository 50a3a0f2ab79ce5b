"""How monitors did, as the report says it, and what is drawn of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tokenswarm.metrics.gauge import Sample, Samples
from tokenswarm.metrics.measurements import Measurements
from tokenswarm.report.monitored import monitor_checks, monitored_tracks
from tokenswarm.report.run_folder import read_run

TARGET = {"name": "t", "url": "http://h", "dialect": "openai-chat", "model": "m"}


def ended(monitor: str, **more: Any) -> dict[str, Any]:
    facts = {"readings": 30, "failed": 0, "problem": "", "notes": [], "unseen": []}
    return {"at_s": 60.0, "event": "monitor_ended", "monitor": monitor, **facts, **more}


def test_every_monitor_has_its_say(make_run: Callable[..., Path]) -> None:
    """What failed, since when and why; what was never found; what never ended; who was well."""
    folder = make_run(facts={"target": {**TARGET, "monitors": ["process 1", "redis r", "log l"]}})
    rows = [
        ended("process 1"),
        {"at_s": 12.0, "event": "monitor_failed", "monitor": "redis r", "problem": "refused"},
        ended("redis r", failed=7, problem="refused"),
        ended("prometheus p", unseen=["target_queue (q)"], notes=["2 lines of the page make no sense"]),
    ]
    with (folder / "events.jsonl").open("a") as events:
        events.writelines(json.dumps(row) + "\n" for row in rows)
    checks = {check.text: check.state for check in monitor_checks(read_run(folder))}
    assert checks == {
        "redis r: 7 of 30 readings failed: refused (first at 12.0 s)": "warning",
        "prometheus p: 2 lines of the page make no sense; never found: target_queue (q)": "warning",
        "log l: how it did is not known": "warning",
        "read throughout: process 1": "good",
    }


def test_series_are_drawn_as_they_are() -> None:
    """A gauge in its unit, a counter by the second; neither what never grew nor what we don't know."""
    measurements = Measurements((), 1.0)
    measurements.samples = Samples(
        Sample(i + 0.5, "s", name, value)
        for i in range(3)
        for name, value in (
            ("redis_memory", 2e6),
            ("target_requests", 0.0 if i == 0 else 40.0),
            ("target_cache_hits", 0.0),
            ("from_a_newer_version", 1.0),
        )
    )
    tracks = {track.name: track.values for track in monitored_tracks(measurements, range(3))}
    assert tracks == {"redis_memory": (2.0, 2.0, 2.0), "target_requests": (None, 40.0, 40.0)}
