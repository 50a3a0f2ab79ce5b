"""Calls a second of one and two workers, what a call costs them, and what the master needs beside them.

    python benchmarks/scaling.py [--workers 1 2] [--users 40] [--seconds 10] [--json FILE]

A whole run for each number of workers, users who call without a pause, against nginx on the first core. With
as many processes as cores or more, calls a second say how the machine was shared. CPU a call is what counts:
a core of its own carries its reciprocal.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
from bench_process import STARTS_WITHIN_S, Nginx, nginx
from parts import BODY

PROFILE = "stages: [{{name: hold, duration: 10m, users: {users}, transition: step}}]\nstreaming: false\n"
SETTLE_S = 2.0


@dataclass(frozen=True, slots=True)
class Scaled:
    """One run; CPU in cores unless it says otherwise."""

    workers: int
    calls_per_s: float
    workers_cores: float  # of all of them
    us_per_call: float
    a_core_would_make: float  # calls a second
    master_cores: float
    master_share: float  # of all that the generator used


def measure(target: Nginx, workers: int, users: int, seconds: float) -> Scaled:
    """A run that is watched from outside, and ended."""
    with tempfile.TemporaryDirectory() as place:
        profile = Path(place) / "scaling.yaml"
        profile.write_text(PROFILE.format(users=users))
        command = [sys.executable, "-m", "tokenswarm", "run", str(profile), "--reports", f"{place}/reports"]
        run = subprocess.Popen(
            [*command, "--target", target.url, "--model", "fixed", "--workers", str(workers)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            until_s, begun = time.monotonic() + STARTS_WITHIN_S, target.calls()
            while target.calls() - begun < users * 10:
                if run.poll() is not None or time.monotonic() > until_s:
                    raise RuntimeError("the run makes no calls")
                time.sleep(0.2)
            time.sleep(SETTLE_S)
            from_s, from_calls, before = time.monotonic(), target.calls(), cpu_s(run.pid)
            time.sleep(seconds)
            took_s, calls, after = time.monotonic() - from_s, target.calls() - from_calls, cpu_s(run.pid)
        finally:
            run.send_signal(signal.SIGINT)
            run.wait(60)
    own = {role: (after[role] - before[role]) / took_s for role in after}
    return Scaled(
        workers,
        calls / took_s,
        own["worker"],
        own["worker"] / (calls / took_s) * 1e6,
        calls / took_s / own["worker"],
        own["master"],
        own["master"] / (own["master"] + own["worker"]),
    )


def cpu_s(pid: int) -> dict[str, float]:
    """CPU seconds of a run's workers and of its master, whose parent prints and waits."""
    found = {"worker": 0.0, "master": 0.0}
    for process in [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]:
        # The master forks its workers, so only their parent tells them apart.
        parent = process.parent()
        is_worker = parent is not None and "--processes" in parent.cmdline()
        found["worker" if is_worker else "master"] += sum(process.cpu_times()[:2])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--users", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    print(f"load of the machine at the start: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print("workers  calls/s  cores  µs a call  calls/s of a core  master, cores  its share")
    rows = []
    with nginx(BODY) as target:
        for workers in arguments.workers:
            row = measure(target, workers, arguments.users, arguments.seconds)
            rows.append(row)
            print(
                f"{row.workers:>7}{row.calls_per_s:9.0f}{row.workers_cores:7.2f}{row.us_per_call:11.1f}"
                f"{row.a_core_would_make:19.0f}{row.master_cores:15.3f}{row.master_share:11.1%}",
                flush=True,
            )
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(row) for row in rows], indent=1))


if __name__ == "__main__":
    main()
