"""`tokenswarm quick` and PERF_TEST_OUTPUT, with a real Locust and a real target."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tokenswarm.mock.options import MockOptions
from tokenswarm.mock.process import MockProcess
from tokenswarm.profile.load import load_profile
from tokenswarm.profile.places import SearchPath

pytestmark = pytest.mark.end_to_end
KEY = "quick-key-0123456789"


def test_quick_loads_a_url_and_ends_with_a_verdict(
    tokenswarm: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line; the key from the environment; its profile in the run folder, and its result elsewhere too."""
    monkeypatch.setenv("MOCK_KEY", KEY)
    extra = tmp_path / "result.json"
    environ = {"TOKENSWARM_API_KEY": KEY, "PERF_TEST_OUTPUT": str(extra)}
    with MockProcess(MockOptions(ttft="20", itl="1", tokens="3", api_key_env="MOCK_KEY")) as mock:
        arguments = (mock.url, "4", "2s", "--model", "mock", "--streaming", "0%")
        done = tokenswarm("quick", *arguments, environ=environ)
    assert done.code == 0, done.out + done.err
    assert "error_rate: < 1%" in done.out
    assert "PASS: " in done.out
    kept = load_profile(str(done.folder / "profile.yaml"), SearchPath.of(done.folder), {})
    assert [(stage.users, stage.duration_s) for stage in kept.stages] == [(4, 2)]
    assert extra.read_bytes() == (done.folder / "summary.json").read_bytes()
    summary = json.loads(extra.read_text())
    assert summary["verdict"]["exit_code"] == 0
    assert {track["name"]: max(track["values"]) for track in summary["timeline"]["tracks"]}["users"] == 4
    assert not [one for one in summary["spreads"] if one["metric"] == "ttft"]
    assert done.counted() > 40
    assert not [file for file in done.folder.iterdir() if KEY.encode() in file.read_bytes()]


def test_quick_fails_where_calls_fail(tokenswarm: Callable) -> None:
    """Exit 99; it has no other limit."""
    with MockProcess(MockOptions(ttft="20", itl="1", tokens="3", error_rate="20%")) as mock:
        done = tokenswarm("quick", mock.url, "4", "2s", "--model", "mock")
    assert done.code == 99, done.out + done.err


def test_an_output_that_can_not_be_written_is_said_before_the_load(tokenswarm: Callable) -> None:
    """Not after half an hour of it."""
    done = tokenswarm("run", "smoke", environ={"PERF_TEST_OUTPUT": "/nowhere/at/all.json"})
    assert done.code == 104
    assert "PERF_TEST_OUTPUT: /nowhere/at/all.json can't be written" in done.err
    assert not done.reports.exists()
