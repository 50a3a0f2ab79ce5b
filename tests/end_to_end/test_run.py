"""`tokenswarm run` from the command line to the verdict, with a real Locust and a real target."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tokenswarm.mock.options import MockOptions
from tokenswarm.mock.process import MockProcess

pytestmark = pytest.mark.end_to_end
SHORT = ("--time-scale", "0.2")


@pytest.mark.parametrize("workers", [(), ("--workers", "2")], ids=["one process", "two workers"])
@pytest.mark.parametrize("profile", ["smoke", "spike"])
def test_every_call_that_the_mock_received_is_counted(
    tokenswarm: Callable, profile: str, workers: tuple[str, ...]
) -> None:
    """At the end of a profile the counts agree exactly, and nothing was interrupted."""
    done = tokenswarm("run", profile, "--time-scale", "0.1" if profile == "spike" else "0.3", *workers)
    assert done.counted() == done.run["mock"]["received"] > 0, done.err
    assert done.run["mock"]["cut"] == 0
    assert done.run["mock"]["lag_p99_s"] > 0
    assert 0 < done.run["mock"]["cpu_share"] < 2
    assert done.run["state"] == "finished"


def test_a_good_target_passes_with_reports(tokenswarm: Callable, patient_profile: str) -> None:
    """Exit 0, a verdict on the terminal, and a self-contained report under 2 MB."""
    done = tokenswarm("run", patient_profile)
    assert done.code == 0, done.out + done.err
    assert "PASS" in done.out
    report = (done.folder / "report.html").read_bytes()
    assert b"PASS" in report
    assert len(report) < 2_000_000


def test_five_per_cent_errors_fail_and_the_threshold_is_named(tokenswarm: Callable) -> None:
    """A target that answers some calls with 500 is caught by error_rate."""
    with MockProcess(MockOptions(ttft="5", itl="0", tokens="2", error_rate="5%")) as mock:
        done = tokenswarm("run", "stress", "--time-scale", "0.05", "--target", mock.url, "--model", "mock")
    assert done.code == 99, done.out + done.err
    assert "FAIL" in done.out
    assert "error_rate" in done.out


def test_a_target_that_only_says_429_never_passes(tokenswarm: Callable) -> None:
    """Rate-limited calls are failures, and no success is no pass."""
    with MockProcess(MockOptions(status=429)) as mock:
        done = tokenswarm("run", "smoke", *SHORT, "--target", mock.url, "--model", "mock")
    assert done.code == 99, done.out + done.err
    assert "rate_limited" in done.out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_a_judged_partial_report(start: Callable, number: signal.Signals) -> None:
    """Exit 105; what was measured is counted to the last call, judged and shown."""
    running = start("run", "smoke")
    running.await_measurements()
    running.send(number)
    done = running.wait()
    assert done.code == 105, done.out + done.err
    assert "INTERRUPTED" in done.out
    assert (done.folder / "report.html").exists()
    assert done.counted() == done.run["mock"]["received"] > 0
    assert done.run["state"] == "interrupted"
    assert "Traceback" not in done.err


def test_a_second_interruption_ends_at_once(start: Callable) -> None:
    """Whoever insists is not kept waiting for calls in flight, and still gets what was written."""
    with MockProcess(MockOptions(ttft="1000", itl="0", tokens="2")) as mock:
        running = start("run", "smoke", "--target", mock.url, "--model", "mock")
        running.await_measurements()
        running.send(signal.SIGINT)
        running.send(signal.SIGINT)
        done = running.wait()
    assert done.code == 105, done.out + done.err


def test_a_run_that_loses_a_worker_is_invalid(start: Callable) -> None:
    """A killed worker takes its measurements with it: no verdict can rest on the rest."""
    running = start("run", "smoke", "--workers", "2")
    folder = running.await_measurements()
    workers = [
        process
        for process in psutil.process_iter(["cmdline"])
        if str(folder) in (process.info["cmdline"] or []) and process.children() == []
    ]
    os.kill(max(worker.pid for worker in workers), signal.SIGKILL)
    done = running.wait()
    assert done.code == 111, done.out + done.err
    assert "INVALID" in done.out
    assert len(done.events("worker_lost")) == 1


def test_a_killed_locust_leaves_what_it_had(start: Callable) -> None:
    """The command line judges the folder even when Locust itself is gone."""
    running = start("run", "smoke")
    folder = running.await_measurements()
    (locust,) = (
        process
        for process in psutil.process_iter(["cmdline"])
        if str(folder) in (process.info["cmdline"] or [])
    )
    locust.kill()
    done = running.wait()
    assert done.code == 111, done.out + done.err
    assert done.run["state"] == "failed"
    assert (done.folder / "report.html").exists()


def test_plain_locust_runs_the_same_users() -> None:
    """`locust -f locustfiles/chat.py` with Locust's own options: exit 0 and rows of every size."""
    with MockProcess(MockOptions(ttft="5", itl="0", tokens="2")) as mock:
        command = [sys.executable, "-m", "locust", "-f", "locustfiles/chat.py", "--headless"]
        options = ["--host", mock.url, "--model", "mock", "-u", "4", "-r", "4", "-t", "3s"]
        done = subprocess.run(
            [*command, *options],
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    for row in ("chat short stream", "chat medium plain", "chat long stream"):
        assert row in done.stderr
