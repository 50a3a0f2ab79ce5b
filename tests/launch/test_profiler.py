"""Flame graphs of a target: with the real perf where there is one, and without harm where not."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tokenswarm.errors import ConfigurationError
from tokenswarm.launch.profiler import FOLDED, SVG, Aim, Profiler, aim_of
from tokenswarm.metrics.source import StageSpan
from tokenswarm.monitors.spec import ProcessSpec

HOLD = StageSpan("hold", 0.0, 1.0)


@pytest.fixture
def busy() -> Iterator[subprocess.Popen[bytes]]:
    """A process that does nothing but work."""
    with subprocess.Popen([sys.executable, "-c", "while True: sum(range(1000))"]) as process:
        yield process
        process.kill()


def perf_works(folder: Path) -> bool:
    if shutil.which("perf") is None:
        return False
    data = folder / "probe.data"
    subprocess.run(["perf", "record", "-q", "-o", data, "true"], capture_output=True, check=False)
    return data.is_file()


def test_the_stage_called_hold_is_sampled_or_else_the_longest() -> None:
    """Never a warm-up, if anything is judged."""
    process = ProcessSpec(pid=1)
    long, warmup = StageSpan("climb", 2, 9), StageSpan("warm-up", 0, 20, is_warmup=True)
    assert aim_of("perf", process, (warmup, long, HOLD)).stage is HOLD
    assert aim_of("perf", process, (warmup, long)).stage is long
    with pytest.raises(ConfigurationError, match="--target-pid"):
        aim_of("perf", None, (HOLD,))


def test_a_busy_process_is_drawn(tmp_path: Path, busy: subprocess.Popen[bytes]) -> None:
    """The stage's event starts it; stacks as text and as a picture; nothing of perf's is left."""
    if not perf_works(tmp_path):
        pytest.skip("perf is not installed here, or may not sample")
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "events.jsonl").write_text('{"at_s": 0.0, "event": "stage", "stage": "hold"}\n')
    said: list[str] = []
    with Profiler(Aim("perf", ProcessSpec(pid=busy.pid), HOLD), folder, said.append) as profiler:
        profiler.wait(30.0)
    facts = profiler.facts
    assert facts is not None
    assert (facts["problem"], facts["file"], said) == ("", SVG, [])
    assert facts["samples"] > 10
    assert "<svg" in (folder / SVG).read_text()
    assert sorted(file.name for file in folder.iterdir()) == ["events.jsonl", FOLDED, SVG]


@pytest.mark.parametrize(
    ("tool", "events", "problem"),
    [
        ("no-such-profiler", "", "not installed"),
        ("true", '{"at_s": 0.0, "event": "stage", "stage": "climb"}\n{"half', "did not come to the stage"),
    ],
)
def test_what_goes_wrong_is_noted(tmp_path: Path, tool: str, events: str, problem: str) -> None:
    """The tool is missing, or the run ends before its stage: one line, one fact, and no exception."""
    (tmp_path / "events.jsonl").write_text(events)
    said: list[str] = []
    with Profiler(Aim(tool, ProcessSpec(pid=1), HOLD), tmp_path, said.append) as profiler:
        pass
    assert problem in said[0]
    assert profiler.facts is not None
    assert problem in profiler.facts["problem"]
