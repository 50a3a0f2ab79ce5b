"""A generator that gets no CPU says so: its figures are its own."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.end_to_end
STOPPED_S = RUNNING_S = 0.1
LONGEST_S = 60.0


class Starved:
    """Stops a process half of the time, a tenth of a second each, until it ends or the block does."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Starved:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            for _ in range(int(LONGEST_S / (STOPPED_S + RUNNING_S))):
                try:
                    os.kill(self._pid, signal.SIGSTOP)
                    self._done.wait(STOPPED_S)
                finally:
                    os.kill(self._pid, signal.SIGCONT)
                if self._done.wait(RUNNING_S):
                    return


@pytest.mark.parametrize(
    "load",
    [
        "stages: [{name: steady, duration: 5s, users: 5}]\nthink_time: 50ms\n",
        "arrivals: constant\nmax_in_flight: 50\nstages: [{name: steady, duration: 5s, rate: 50}]\n",
    ],
    ids=["closed", "open"],
)
def test_a_generator_without_cpu_makes_the_run_invalid(start: Callable, tmp_path: Path, load: str) -> None:
    """Half of each fifth of a second it stands still: the verdict names the lag, its limit and the mend."""
    profile = tmp_path / "starved.yaml"
    profile.write_text(load + "thresholds: {error_rate: '< 1%', latency: 'p(95) < 20s'}\n")
    running = start("run", str(profile))
    folder = running.await_measurements()
    (locust,) = (
        process
        for process in psutil.process_iter(["cmdline"])
        if str(folder) in (process.info["cmdline"] or [])
    )
    with Starved(locust.pid):
        done = running.wait()
    assert done.code == 111, done.out + done.err
    assert "INVALID: 1% of the load generator's timers were" in done.said
    assert "(50 ms at p99 is allowed)" in done.said
    assert "more workers" in done.said
    assert done.counted() == done.run["mock"]["received"] > 0
