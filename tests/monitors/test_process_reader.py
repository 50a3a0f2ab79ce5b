"""The target's processes: real ones, with children."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tokenswarm.monitors.process import ProcessReader, cores_of, find_processes
from tokenswarm.monitors.reader import MonitorError
from tokenswarm.monitors.spec import ProcessSpec

SCRIPT = """
import subprocess, sys
if len(sys.argv) > 1:
    child = subprocess.Popen([sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    child.stdout.readline()
print("up", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    file = tmp_path / "odd-gateway-name.py"
    file.write_text(SCRIPT)
    return file


@pytest.fixture
def parent(script: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process with one child; both end with their input."""
    with subprocess.Popen(
        [sys.executable, str(script), "with-child"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.stdin.close()


def test_children_are_counted_until_all_have_ended(parent: subprocess.Popen[bytes]) -> None:
    """Threads are two processes', CPU is known from the second reading on, and an end is said in words."""
    reader = ProcessReader(ProcessSpec(pid=parent.pid))
    first = {point.name: point.value for point in reader.read().points}
    second = {point.name: point.value for point in reader.read().points}
    assert first["target_threads"] == 2
    assert first["target_memory"] > 4_000_000
    assert {"target_cpu", "target_cores"} <= second.keys() - first.keys()
    assert parent.stdin is not None
    parent.stdin.close()
    parent.wait(10)
    with pytest.raises(MonitorError, match="it has ended"):
        reader.read()


def test_a_process_is_found_by_the_script_that_it_runs(parent: subprocess.Popen[bytes], script: Path) -> None:
    """`python3 odd-gateway-name.py` is called python3; people know it by its script."""
    found = {process.pid for process in find_processes(ProcessSpec(name=script.name))}
    assert parent.pid in found
    assert find_processes(ProcessSpec(name="no-such-process-anywhere")) == []
    with pytest.raises(MonitorError, match="no such process"):
        ProcessReader(ProcessSpec(name="no-such-process-anywhere")).read()


def test_a_process_has_cores_to_use() -> None:
    """Those of the container, or of the machine."""
    assert cores_of(1) > 0
