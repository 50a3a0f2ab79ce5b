"""How a run ends when it doesn't end by itself: no load goes on, nothing hangs, nobody sees a traceback."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tokenswarm.mock.options import MockOptions
from tokenswarm.mock.process import MockProcess

from ..until import until

pytestmark = pytest.mark.end_to_end
PROJECT = Path(__file__).parents[2]
BOUND_S = 30
PREFLIGHT_CALLS = 2  # one of each kind: streaming and not
BOTH = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])


def processes_of(folder: Path) -> list[psutil.Process]:
    """Locust's processes of this run."""
    return [p for p in psutil.process_iter(["cmdline"]) if str(folder) in (p.info["cmdline"] or [])]


@pytest.fixture
def slow_mock() -> Iterator[MockProcess]:
    """A target that answers so late that preflight is still waiting when the test goes on."""
    with MockProcess(MockOptions(ttft="20000")) as mock:
        yield mock


@pytest.mark.parametrize("workers", [(), ("--workers", "2")], ids=["one process", "two workers"])
def test_load_ends_with_a_command_line_that_was_killed(start: Callable, workers: tuple[str, ...]) -> None:
    """SIGKILL leaves us no time to stop Locust: it must see for itself, drain and go."""
    with MockProcess(MockOptions(ttft="20", itl="1", tokens="5")) as mock:
        running = start("run", "smoke", "--target", mock.url, "--model", "mock", *workers)
        folder = running.await_measurements()
        os.kill(running.pid, signal.SIGKILL)
        until(
            lambda: not processes_of(folder),
            within_s=BOUND_S,
            every_s=0.1,
            said=lambda: "Locust outlived the command line",
        )
        received = mock.counters().received - PREFLIGHT_CALLS
        done = running.wait()
        assert done.counted() == received > 0
    assert done.events("stopped")[0]["reason"] == "interrupted"
    assert len(done.events("drained")) == 1


@BOTH
def test_an_interruption_before_load_leaves_nothing(
    start: Callable, slow_mock: MockProcess, number: signal.Signals
) -> None:
    """While preflight waits for an answer: one line, exit 105, no run folder."""
    running = start("run", "smoke", "--target", slow_mock.url, "--model", "mock")
    running.await_that(lambda: slow_mock.counters().received > 0)
    running.send(number)
    done = running.wait()
    assert done.code == 105, done.err
    lines = [line for line in done.err.splitlines() if line]
    assert lines == [f"preflight: calling {slow_mock.url}", "tokenswarm: interrupted"]
    assert not done.reports.exists()


@BOTH
def test_an_interruption_while_starting_is_no_traceback(start: Callable, number: signal.Signals) -> None:
    """Imports take a second, and people change their minds."""
    running = start("run", "smoke")
    own = psutil.Process(running.pid)
    running.await_that(lambda: any("pydantic_core" in part.path for part in own.memory_maps()))
    running.send(number)
    done = running.wait()
    assert done.code == 105, done.err
    assert "Traceback" not in done.err
    assert done.err.splitlines()[-1] == "tokenswarm: interrupted"


def test_an_interruption_inside_a_library_s_generated_code_exits_as_any_other(tmp_path: Path) -> None:
    """CPython would kill itself with SIGINT at its end, whatever exit code it was given."""
    (tmp_path / "gevent.py").write_text('exec("raise KeyboardInterrupt")\n', encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "tokenswarm", "run", "smoke"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        timeout=60,
        check=False,
        text=True,
    )
    assert done.returncode == 105, done.stderr
    assert "Traceback" not in done.stderr


@BOTH
def test_an_interruption_while_python_itself_ends_changes_no_exit_code(number: signal.Signals) -> None:
    """Nothing is left to interrupt; whoever sends a second signal would else get the signal's own code."""
    # Of what Python does at its end, one thing waits for us.
    program = (
        "import atexit, sys\n"
        "from tokenswarm.cli import main\n"
        "atexit.register(lambda: (print('ending', flush=True), sys.stdin.read()))\n"
        "sys.argv = ['tokenswarm', 'run', 'no-such-profile']\n"
        "main()\n"
    )
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen([sys.executable, "-c", program], text=True, **pipes) as ending:
        assert ending.stdout is not None
        assert ending.stdout.readline() == "ending\n"
        ending.send_signal(number)
        _, said = ending.communicate(timeout=BOUND_S)
    assert ending.returncode == 104, said
    assert "Traceback" not in said


def test_an_interruption_while_locust_starts_is_an_interrupted_run(start: Callable) -> None:
    """A signal that comes before Locust can take one still ends it, and the empty folder is judged."""
    running = start("run", "smoke")
    running.await_that(lambda: "running locust" in running.err)
    running.send(signal.SIGINT)
    done = running.wait()
    assert done.code == 105, done.out + done.err
    assert done.run["state"] == "interrupted"
    assert "Traceback" not in done.err
    assert processes_of(done.folder) == []


@pytest.fixture
def judging(start: Callable, patient_profile: str) -> Any:
    """A run that is over, whose verdict is shown, and whose judging waits until somebody reads its report."""
    running = start("run", patient_profile)
    folder = running.await_measurements()
    os.mkfifo(folder / ".report.html.part")
    running.await_that((folder / "summary.json").exists)
    return running


def read_report(judging: Any) -> None:
    """Take the report out of the pipe that its writer waits at; bounded, because the writer may have died."""
    (pipe,) = judging.reports.glob("*/.report.html.part")
    file = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    text = bytearray()

    def has_all() -> bool:
        with contextlib.suppress(BlockingIOError):
            while data := os.read(file, 1 << 20):
                text.extend(data)
        return b"</html>" in text

    judging.await_that(has_all)
    os.close(file)


@BOTH
def test_an_interruption_while_judging_does_not_cost_the_verdict(
    judging: Any, number: signal.Signals
) -> None:
    """The load is over and was not interrupted: its verdict and its exit code stand."""
    judging.send(number)
    judging.await_that(lambda: "its verdict comes now" in judging.err)
    read_report(judging)
    done = judging.wait()
    assert done.code == done.verdict["exit_code"] != 105, done.out + done.err
    assert done.run["state"] == "finished"
    assert "Traceback" not in done.err


def test_a_second_interruption_while_judging_gives_up_the_reports(judging: Any) -> None:
    """A disk that hangs must not hold anybody; the verdict was shown already."""
    for _ in range(2):
        judging.send(signal.SIGINT)
        judging.await_that(lambda: "its verdict comes now" in judging.err)
    done = judging.wait()
    assert done.code == 105, done.out + done.err
    assert done.verdict["sentence"] in done.said
    assert done.err.splitlines()[-1] == "tokenswarm: interrupted"


def fills(name: str) -> Callable[[Any], None]:
    """Makes a file of the run folder one that can't be written, as on a full disk, once load is measured."""
    return lambda running: (running.await_measurements() / name).symlink_to("/dev/full")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
@pytest.mark.parametrize("full", ["run.json.new", ".report.html.part"])
def test_a_pass_that_finds_a_full_disk_is_shown_but_inconclusive(
    tokenswarm: Callable, patient_profile: str, full: str
) -> None:
    """The verdict comes first; that it can't be kept is one clear line and exit 111."""
    done = tokenswarm("run", patient_profile, meanwhile=fills(full))
    assert done.code == 111, done.out + done.err
    assert "PASS" in done.out
    assert "No space left on device" in done.err.splitlines()[-1]
    assert "Traceback" not in done.err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_a_failure_that_finds_a_full_disk_stays_a_failure(tokenswarm: Callable) -> None:
    """Exit 99 says more than that its report is missing."""
    with MockProcess(MockOptions(status=429)) as mock:
        arguments = ("run", "smoke", "--time-scale", "0.2", "--target", mock.url, "--model", "mock")
        done = tokenswarm(*arguments, meanwhile=fills(".summary.json.part"))
    assert done.code == 99, done.out + done.err
    assert "FAIL" in done.out
    assert "No space left on device" in done.err


def test_a_killed_locust_gives_the_cursor_back(tmp_path: Path) -> None:
    """The live panel hides it, and a killed process can't show it again."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "tokenswarm", "run", "smoke", "--reports", str(tmp_path)]
    with subprocess.Popen(
        command,
        cwd=PROJECT,
        env={**os.environ, "TERM": "xterm"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    ) as running:
        os.close(theirs)
        screen = b""
        is_killed = False
        with contextlib.suppress(OSError):  # a terminal without a process at the other end can't be read
            while data := os.read(ours, 65536):
                screen += data
                if b"\x1b[?25l" in screen and not is_killed:
                    (folder,) = tmp_path.iterdir()
                    for process in processes_of(folder):
                        process.kill()
                    is_killed = True
    os.close(ours)
    assert is_killed
    assert running.returncode == 111, screen.decode()
    assert screen.rindex(b"\x1b[?25h") > screen.rindex(b"\x1b[?25l")
