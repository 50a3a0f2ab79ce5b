"""`tokenswarm ab` with real runs against real mocks."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tokenswarm.launch.judge_ab import judge_ab
from tokenswarm.mock.options import MockOptions
from tokenswarm.mock.process import MockProcess

pytestmark = pytest.mark.end_to_end

MOST_ATTEMPTS = 3
PROFILE = "stages: [{name: hold, duration: 1s, users: 3}]\nstreaming: 0%\n"


@pytest.fixture
def profile(tmp_path: Path) -> str:
    """A second of load."""
    (tmp_path / "ab.yaml").write_text(PROFILE)
    return str(tmp_path / "ab.yaml")


def test_ab_runs_both_sides_in_mirrored_pairs_and_keeps_every_run(start: Callable, profile: str) -> None:
    """B answers none of its calls, which two pairs are enough to tell; told again offline, it is the same."""
    good = MockOptions(ttft="10", itl="1", tokens="3")
    with MockProcess(good) as a, MockProcess(replace(good, status=503)) as b:
        for _ in range(MOST_ATTEMPTS):
            done = start("ab", profile, "--a", a.url, "--b", b.url, "--model", "mock", "--pairs", "2").wait()
            # A machine without time to spare takes the trust out of a run, and its pair then doesn't count.
            if '"invalid"' not in (done.folder / "ab.json").read_text():
                break
    assert done.code == 99, done.out + done.err
    assert "REGRESSED: success_rate changed by −100 points" in done.said
    plain = json.loads((done.folder / "ab.json").read_text())
    order = [leg["side"] for leg in plain["legs"]]
    assert order in ([*"abba"], [*"baab"])
    for leg in plain["legs"]:
        facts = json.loads((done.folder / leg["folder"] / "run.json").read_text())
        assert facts["target"]["url"] == (a.url if leg["side"] == "a" else b.url)
        assert (done.folder / leg["folder"] / "report.html").is_file()
    seeds = {(leg["pair"], _seed(done.folder / leg["folder"])) for leg in plain["legs"]}
    assert len(seeds) == 2
    before = (done.folder / "ab.md").read_text()
    assert judge_ab(done.folder) == 99  # as `tokenswarm report` does
    assert (done.folder / "ab.md").read_text() == before


def test_an_interrupted_ab_keeps_what_was_measured(start: Callable, tmp_path: Path) -> None:
    """Exit 105; the run that was under way has its folder and its report, too."""
    (tmp_path / "long.yaml").write_text(PROFILE.replace("1s", "60s"))
    with MockProcess(MockOptions(ttft="10", itl="1", tokens="3")) as mock:
        options = ("--a", mock.url, "--b", mock.url, "--model", "mock")
        running = start("ab", str(tmp_path / "long.yaml"), *options)
        running.await_that(lambda: any(f.stat().st_size for f in running.reports.glob("*/*/samples.jsonl")))
        running.send(signal.SIGINT)
        done = running.wait()
    assert done.code == 105, done.out + done.err
    assert "INTERRUPTED: interrupted in pair 1 of 8; no pair was measured whole" in done.said
    (leg,) = done.folder.glob("01-?")
    assert (leg / "report.html").is_file()
    assert (done.folder / "ab.html").is_file()


def _seed(folder: Path) -> int:
    return int(json.loads((folder / "run.json").read_text())["seed"])
