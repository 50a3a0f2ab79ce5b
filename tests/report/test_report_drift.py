"""What a report says of a long run that creeps, and of one that doesn't."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tokenswarm.metrics.call import CallRecord
from tokenswarm.metrics.collector import Collector
from tokenswarm.report import to_html, to_json, to_markdown, to_text
from tokenswarm.report.run_folder import read_run
from tokenswarm.report.summarise import summarise_run
from tokenswarm.report.summary import Summary

WARM_S, HOLD_S = 60.0, 1200.0
END_S = WARM_S + HOLD_S
PROFILE: dict[str, Any] = {
    "name": "soak",
    "scenario": "chat",
    "stages": [
        {"name": "warm-up", "duration": "60s", "users": 20, "warmup": True},
        {"name": "steady", "duration": "1200s", "users": 20},
    ],
    "thresholds": {"latency_drift": ["< 20%/h"], "target_memory": ["slope < 20MB/h"]},
}


def soak(
    folder: Path, *, rise: float, leak_bytes: float, has_memory: bool = True, users: int = 20
) -> Summary:
    """Twenty minutes, in which latency rises by a share and memory by bytes an hour."""
    rng, collector = Random(3), Collector(0.0, 4.0)
    for i in range(int(END_S * 3)):
        at_s = i / 3
        record = CallRecord(at_s - 0.5)
        took_s = 0.1 * (1 + rise * (at_s - WARM_S) / 3600) * rng.lognormvariate(0, 0.2)
        record.scenario, record.prompt, record.stage = (
            "chat",
            "short",
            "steady" if at_s >= WARM_S else "warm-up",
        )
        record.started_at_s = record.sent_at_s = at_s - took_s
        record.ended_at_s, record.status = at_s, 200
        collector.record(record)
    (folder / "intervals.jsonl").write_text(json.dumps(collector.drain().to_json()) + "\n")
    samples = [{"at_s": at_s, "source": "master", "name": "users", "value": 20} for at_s in range(int(END_S))]
    if has_memory:
        samples += [
            {
                "at_s": float(at_s),
                "source": "target",
                "name": "target_memory",
                "value": 50e6 + leak_bytes * at_s / 3600 + rng.gauss(0, 1e5),
            }
            for at_s in range(0, int(END_S), 4)
        ]
    (folder / "samples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in samples))
    events = [
        {"at_s": 0, "event": "started", "workers": 1},
        {"at_s": END_S, "event": "stopped", "reason": "finished", "detail": ""},
        {"at_s": END_S, "event": "drained", "workers_lost": 0, "undrained": 0, "rejected_reports": 0},
    ]
    (folder / "events.jsonl").write_text("".join(json.dumps(row) + "\n" for row in events))
    profile = {**PROFILE, "stages": [PROFILE["stages"][0], {**PROFILE["stages"][1], "users": users}]}
    facts = {
        "schema": 1,
        "tool": {"name": "tokenswarm", "version": "0"},
        "started_at": "2026-01-01T00:00:00+00:00",
        "state": "finished",
        "scenario": "chat",
        "profile": {"name": "soak", "file": "profiles/soak.yaml", "resolved": profile},
        "target": {"name": "gateway", "url": "http://127.0.0.1:1"},
        "stages": [
            {"name": "warm-up", "start_s": 0, "end_s": WARM_S, "is_warmup": True, "users": 20},
            {"name": "steady", "start_s": WARM_S, "end_s": END_S, "is_warmup": False, "users": users},
        ],
        "width_s": 4.0,
    }
    (folder / "run.json").write_text(json.dumps(facts))
    return summarise_run(read_run(folder))


def test_a_run_that_creeps_says_so_in_every_report(tmp_path: Path) -> None:
    """Latency by 50 % and memory by 60 MB an hour: both lines are broken, and each has its sentence."""
    summary = soak(tmp_path, rise=0.5, leak_bytes=60e6)
    latency, memory = summary.drift
    assert (latency.metric, latency.stage, latency.is_zero_inside) == ("latency", "steady", False)
    assert latency.share_low < 0.5 / (1 + 0.5 / 6) < latency.share_high
    assert latency.per_hour == pytest.approx(50, rel=0.2)  # ms
    assert memory.per_hour == pytest.approx(60e6, rel=0.02)
    assert memory.sentence.endswith("zero is not inside, so it rises.")
    assert [row.status for row in summary.thresholds] == ["fail", "fail"]
    assert json.loads(to_json.render(summary))["drift"][0]["metric"] == "latency"
    html = to_html.render(summary)
    assert '<section id="drift" ' in html
    assert "Memory of the target" in html
    for text in (html, to_markdown.render(summary), to_text.render(summary, width=200)):
        assert "95% interval" in text


def test_a_run_that_does_not_creep_is_told_from_one_that_does(tmp_path: Path) -> None:
    """Zero is inside both intervals; a falling latency is no fault."""
    summary = soak(tmp_path, rise=0.0, leak_bytes=0)
    assert [row.is_zero_inside for row in summary.drift] == [True, True]
    assert all(row.sentence.endswith("no drift can be told from none.") for row in summary.drift)
    assert [row.status for row in summary.thresholds] == ["pass", "pass"]


def test_only_an_even_load_has_a_drift(tmp_path: Path) -> None:
    """Where users double, latency may rise: that is no drift of the target's."""
    assert soak(tmp_path, rise=0.5, leak_bytes=0, users=40).drift == ()


def test_memory_that_nobody_sampled_has_no_row(tmp_path: Path) -> None:
    """And its line can't be judged."""
    summary = soak(tmp_path, rise=0.0, leak_bytes=0, has_memory=False)
    assert [row.metric for row in summary.drift] == ["latency"]
    assert summary.thresholds[1].status == "inconclusive"
