"""PERF_TEST_OUTPUT is checked before any load, and nothing is lost by it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tokenswarm.errors import ConfigurationError
from tokenswarm.launch.extra_output import extra_output
from tokenswarm.launch.quick import quick_profile


def test_unset_or_empty_means_the_run_folder_only() -> None:
    """CI systems pass on empty variables."""
    assert extra_output({}) is None
    assert extra_output({"PERF_TEST_OUTPUT": ""}) is None


def test_what_is_there_stays_until_the_run_has_ended(tmp_path: Path) -> None:
    """The check leaves no file behind, and an older one as it is."""
    file = tmp_path / "result.json"
    file.write_text("old")
    assert extra_output({"PERF_TEST_OUTPUT": str(file)}) == file
    assert [one.name for one in tmp_path.iterdir()] == ["result.json"]
    assert file.read_text() == "old"


def test_a_folder_gets_a_summary(tmp_path: Path) -> None:
    """Under the name that it has in a run folder."""
    assert extra_output({"PERF_TEST_OUTPUT": str(tmp_path)}) == tmp_path / "summary.json"


@pytest.mark.parametrize("place", ["none/there.json", "file/below.json"])
def test_a_place_that_can_not_be_written_is_refused(tmp_path: Path, place: str) -> None:
    """With the variable, the path and the reason."""
    (tmp_path / "file").write_text("")
    with pytest.raises(
        ConfigurationError, match=rf"PERF_TEST_OUTPUT: .*{place} can't be written: .*; name a"
    ):
        extra_output({"PERF_TEST_OUTPUT": str(tmp_path / place)})


def test_quick_is_a_steady_closed_load_judged_by_errors_only() -> None:
    """So many users at once and without a pause."""
    profile = quick_profile(8, "1m30s", "25%")
    (stage,) = profile.stages
    assert (stage.users, stage.duration_s, stage.transition, stage.warmup) == (8, 90, "step", False)
    assert (profile.streaming, profile.slo, profile.arrivals) == (0.25, None, None)
    assert [line.threshold for lines in profile.thresholds.values() for line in lines] == ["< 1%"]


@pytest.mark.parametrize(
    ("duration", "streaming", "said"),
    [
        ("30", "50%", "DURATION: got 30, need a duration with its unit"),
        ("0s", "50%", "DURATION: got 0s, need more than nothing"),
        ("30s", "half", "--streaming: got half, need a share from 0% to 100%"),
        ("30s", "120%", "--streaming: got 120%"),
    ],
)
def test_quick_names_what_it_can_not_read(duration: str, streaming: str, said: str) -> None:
    """As the command line calls it."""
    with pytest.raises(ConfigurationError) as caught:
        quick_profile(8, duration, streaming)
    assert said in str(caught.value)
