"""Somebody sets the clock of the machine while a run goes on."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.end_to_end
COMPILER = shutil.which("cc") or shutil.which("gcc")
# The wall clock of a process, moved by as many seconds as a file says; the other clocks go on as they do.
SHIM = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t *step;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("CLOCK_STEP_FILE");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *memory = mmap(NULL, sizeof *step, PROT_READ, MAP_SHARED, file, 0);
    if (memory != MAP_FAILED) step = memory;
    close(file);
}

int clock_gettime(clockid_t id, struct timespec *now) {
    int failed = (int)syscall(SYS_clock_gettime, id, now);
    if (!failed && step && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) now->tv_sec += *step;
    return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec exact;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &exact)) return -1;
    now->tv_sec = exact.tv_sec;
    now->tv_usec = exact.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *now) {
    struct timespec exact;
    if (clock_gettime(CLOCK_REALTIME, &exact)) return -1;
    if (now) *now = exact.tv_sec;
    return exact.tv_sec;
}
"""
# Stages that end within a tick of Locust's shape, at nearly all times: there a step back is the worst.
PROFILE = """
stages:
  - {name: first, duration: 900ms, users: 4}
  - {name: second, duration: 900ms, users: 6}
  - {name: third, duration: 900ms, users: 4}
  - {name: fourth, duration: 900ms, users: 6}
  - {name: fifth, duration: 2s, users: 4}
think_time: 20ms
"""


class WallClock:
    """The clock of all processes that are started with `environ`."""

    def __init__(self, folder: Path) -> None:
        source, library, self._file = folder / "step.c", folder / "step.so", folder / "step"
        source.write_text(SHIM)
        command = [str(COMPILER), "-shared", "-fPIC", "-O1", "-o", str(library), str(source)]
        subprocess.run(command, check=True, timeout=60)
        self._file.write_bytes(struct.pack("=q", 0))
        self.environ = {"LD_PRELOAD": str(library), "CLOCK_STEP_FILE": str(self._file)}

    def step(self, seconds: int) -> None:
        """Be so far off the true time from now on."""
        with self._file.open("r+b") as file:  # in place: processes have it mapped
            file.write(struct.pack("=q", seconds))


@pytest.mark.skipif(COMPILER is None, reason="no C compiler to make a clock that can be set")
def test_a_clock_that_is_set_in_mid_run_changes_nothing(start: Callable[..., Any], tmp_path: Path) -> None:
    """Back by an hour, then ahead by two: nobody sleeps or gives up, and every call is counted."""
    clock = WallClock(tmp_path)
    profile = tmp_path / "stepped.yaml"
    profile.write_text(PROFILE)
    running = start("run", str(profile), "--workers", "2", environ=clock.environ)
    folder = running.await_measurements()
    for stage, step_s in (("second", -3600), ("fourth", 3600)):
        running.await_that(lambda stage=stage: f'"{stage}"' in (folder / "events.jsonl").read_text())
        clock.step(step_s)
    done = running.wait()
    assert done.run["state"] == "finished", done.err
    (stopped,) = done.events("stopped")
    assert stopped["reason"] == "finished"
    assert 5.6 <= stopped["at_s"] < 30
    assert done.events("worker_lost") == []
    assert done.counted() == done.run["mock"]["received"] > 0
    times_s = [json.loads(line)["at_s"] for line in (folder / "samples.jsonl").read_text().splitlines()]
    assert times_s == sorted(times_s)
    assert 0 <= times_s[0] < times_s[-1] < 30
