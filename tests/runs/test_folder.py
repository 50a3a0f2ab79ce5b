"""run.json and its folder: how the end of a run is named, and what a full disk or half a line does."""

from __future__ import annotations

from pathlib import Path

import pytest

from tokenswarm.errors import RunFolderError
from tokenswarm.runs.folder import RunJson, last_events, make_folder, state_at_end

FINISHED = {"stopped": {"reason": "finished"}, "drained": {}}
INTERRUPTED = {"stopped": {"reason": "interrupted"}, "drained": {}}


@pytest.mark.parametrize(
    ("events", "exit_code", "was_interrupted", "state"),
    [
        (FINISHED, 0, False, "finished"),
        (FINISHED, 1, False, "finished"),  # Locust's way to say that calls failed
        (FINISHED, -9, False, "failed"),  # killed before it could write the rest
        (FINISHED, 0, True, "finished"),  # the signal came when all was over
        (FINISHED, -9, True, "interrupted"),
        (INTERRUPTED, 0, True, "interrupted"),
        ({"stopped": {"reason": "aborted"}, "drained": {}}, 0, True, "finished"),
        ({"stopped": {"reason": "finished"}}, 0, False, "failed"),
        ({}, -15, True, "interrupted"),  # not even begun
        ({}, 2, False, "failed"),
    ],
)
def test_the_end_is_named_for_what_caused_it(
    events: dict[str, dict[str, str]], exit_code: int, was_interrupted: bool, state: str
) -> None:
    """Only a drained Locust that ended by itself has finished."""
    assert state_at_end(events, exit_code, was_interrupted=was_interrupted) == state


def test_only_whole_events_count(tmp_path: Path) -> None:
    """A fault text that holds an event's name is none, and neither is half a line."""
    (tmp_path / "events.jsonl").write_text(
        '{"at_s":0.0,"event":"started"}\n{"at_s":1.0,"event":"note","text":"\\"event\\":\\"drained\\""}\n{"at_s":2,"event":"drai'
    )
    assert set(last_events(tmp_path)) == {"started", "note"}
    assert last_events(tmp_path / "gone") == {}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_a_full_disk_is_named_with_the_file(tmp_path: Path) -> None:
    """And what was written before stays whole."""
    folder = make_folder(tmp_path, "smoke")
    run_json = RunJson(folder, {})
    before = (folder / "run.json").read_bytes()
    (folder / "run.json.new").symlink_to("/dev/full")
    with pytest.raises(RunFolderError, match=r"run\.json: can't be written: No space left on device"):
        run_json.end("finished")
    assert (folder / "run.json").read_bytes() == before
