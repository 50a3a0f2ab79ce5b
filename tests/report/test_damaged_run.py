"""Damaged run folders: a clear error, or a report that says what is left out; never nonsense."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tokenswarm.errors import RunFolderError
from tokenswarm.report import to_text
from tokenswarm.report.run_folder import read_run
from tokenswarm.report.summarise import summarise_run
from tokenswarm.report.write import write_into

RunMaker = Callable[..., Path]
Change = Callable[[dict[str, Any]], object]


def change_line(file: Path, which: str, change: Change) -> None:
    """Change the last line of a file of JSON lines that holds this text."""
    lines = file.read_text(encoding="utf-8").splitlines()
    at = max(i for i, line in enumerate(lines) if which in line)
    row = json.loads(lines[at])
    change(row)
    lines[at] = json.dumps(row)
    # Not the last one: that would pass for half of a line.
    file.write_text("\n".join([*lines, lines[0]]) + "\n", encoding="utf-8")


def in_series(key: str, value: object) -> Change:
    """Sets a part of the first series of a delta."""
    return lambda row: row["series"][0].update({key: value})


@pytest.mark.parametrize(
    ("file", "which", "change"),
    [
        ("intervals.jsonl", "series", in_series("labels", {"model": 7})),
        ("intervals.jsonl", "series", in_series("labels", {"model": ["m"]})),
        ("intervals.jsonl", "series", in_series("counts", {"calls": -1e308})),
        ("intervals.jsonl", "series", in_series("counts", {"calls": float("inf")})),
        ("intervals.jsonl", "series", in_series("counts", {"calls": "many"})),
        ("intervals.jsonl", "series", in_series("interval", 10**12)),
        ("intervals.jsonl", "series", in_series("interval", -1)),
        ("intervals.jsonl", "series", lambda row: row.update(width_s=0)),
        ("samples.jsonl", "users", lambda row: row.update(value=1e308)),
        ("samples.jsonl", "users", lambda row: row.update(value=float("nan"))),
        ("samples.jsonl", "users", lambda row: row.update(at_s=1e12)),
        ("events.jsonl", "drained", lambda row: row.update(strangers="x")),
        ("events.jsonl", "drained", lambda row: row.update(event="monitor_ended", notes=7)),
        ("events.jsonl", "drained", lambda row: row.update(at_s=float("inf"))),
        ("events.jsonl", "drained", lambda row: row.update(event="prompts")),
    ],
)
def test_a_line_that_no_run_writes_costs_itself_and_is_said(
    make_run: RunMaker, file: str, which: str, change: Change
) -> None:
    """Every report is written of the rest, and the run is not trusted."""
    folder = make_run(stopped_s=4.0)
    change_line(folder / file, which, change)
    run = read_run(folder)
    assert [text.partition(":")[0] for text in run.damaged] == [file]
    summary = summarise_run(run)
    write_into(folder, summary)
    assert file in to_text.render(summary)
    assert summary.verdict.exit_code


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"profile": ""}, "the key resolved is missing"),
        ({"profile": {"name": "x", "resolved": 7}}, "damaged"),
        ({"target": {"signals": 1e308}}, "target.signals is no list"),
        ({"target": {"monitors": True}}, "target.monitors is no list"),
        ({"width_s": 0}, "width_s is 0"),
        ({"width_s": float("nan")}, "not JSON"),
        ({"time_scale": "nan"}, "which is no number"),
        ({"stages": [{"name": "a", "start_s": 0, "end_s": "inf", "is_warmup": False}]}, "which is no number"),
    ],
)
def test_facts_that_no_run_writes_are_refused(make_run: RunMaker, facts: dict[str, Any], said: str) -> None:
    """With the file's name and what is wrong in it."""
    with pytest.raises(RunFolderError, match=rf"run\.json: .*{said}"):
        read_run(make_run(stopped_s=2.0, facts=facts))


def test_what_events_tell_beside_is_left_alone(make_run: RunMaker) -> None:
    """Later versions may tell more, and `calls` is a number of one event and a mapping of another."""
    folder = make_run(
        drained={
            "workers_lost": 0,
            "undrained": 0,
            "rejected_reports": 0,
            "strangers": 0,
            "calls": {"local": 9},
        },
        events=[
            {"at_s": 1.0, "event": "worker_lost", "worker": "w", "calls": None, "reported_s": None},
            {"at_s": 2.0, "event": "of the future", "calls": ["x"], "strangers": "many", "notes": 1},
        ],
    )
    run = read_run(folder)
    assert (run.damaged, run.missing) == ((), ())
