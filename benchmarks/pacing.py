"""How late open arrivals start at 1,000 calls/s, and what the timerfd is worth beside the hub's own timer.

    python benchmarks/pacing.py [SECONDS]

Part 1: both alarms in turn in this process, interleaved rounds, 1,000 wake-ups a second. Part 2: a whole
run, generator on one core and mock on another where there are two. Goal: `schedule_delay` p50 ≤ 0.15 ms
and p99 ≤ 1 ms while the generator uses under 80 % of its core.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles

import gevent.event

from tokenswarm.metrics.source import Aggregation, Selector
from tokenswarm.mock.options import MockOptions
from tokenswarm.mock.process import MockProcess
from tokenswarm.report.run_folder import read_run
from tokenswarm.swarm.alarm import Alarm, HubAlarm, TimerfdAlarm

RATE = 1000
ROUNDS = 5
WAKE_UPS = 1000
PROFILE = """
arrivals: constant
max_in_flight: 200
stages:
  - {{name: warm-up, duration: 2s, rate: {rate}, warmup: true}}
  - {{name: hold, duration: {seconds}s, rate: {rate}}}
streaming: false
"""


def lateness_ms(make: Callable[[Callable[[], None]], Alarm]) -> list[float]:
    """How late each of WAKE_UPS came."""
    late: list[float] = []
    done = gevent.event.Event()
    due_s = time.monotonic() + 0.01

    def wake() -> None:
        nonlocal due_s
        late.append((time.monotonic() - due_s) * 1000)
        if len(late) == WAKE_UPS:
            alarm.close()
            done.set()
            return
        due_s += 1 / RATE
        alarm.set(due_s)

    alarm = make(wake)
    alarm.set(due_s)
    done.wait()
    return late


def whole_run(seconds: int) -> dict[str, float]:
    """Figures of one run against a mock of its own."""
    cores = sorted(os.sched_getaffinity(0))
    with (
        tempfile.TemporaryDirectory() as place,
        MockProcess(MockOptions(ttft="20", itl="0", tokens="5")) as mock,
    ):
        os.sched_setaffinity(mock.pid, {cores[0]})
        profile = Path(place) / "pacing.yaml"
        profile.write_text(PROFILE.format(rate=RATE, seconds=seconds))
        command = [sys.executable, "-m", "tokenswarm", "run", str(profile), "--reports", place]
        subprocess.run(
            [*command, "--target", mock.url, "--model", "mock"],
            check=True,
            capture_output=True,
            timeout=seconds + 60,
            preexec_fn=lambda: os.sched_setaffinity(0, {cores[-1]}),
        )
        run = read_run(next(path for path in Path(place).iterdir() if path.is_dir()))
        hold = Selector({"stage": "hold"})
        delay = run.measurements.histogram("schedule_delay", hold)
        cpu = run.measurements.read("generator_cpu", Aggregation("avg"), hold).value
        return {
            "calls": delay.count,
            "p50_ms": round((delay.quantile(0.5) or 0) * 1000, 3),
            "p99_ms": round((delay.quantile(0.99) or 0) * 1000, 3),
            "generator_cpu": round(cpu or 0, 3),
            "late": run.measurements.count("late_starts", hold),
            "dropped": run.measurements.count("dropped_starts", hold),
        }


def main() -> None:
    """Print both parts, and the whole as JSON."""
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    found: dict[str, list[list[float]]] = {"timerfd": [], "hub timer": []}
    for _ in range(ROUNDS):
        for name, make in (("timerfd", TimerfdAlarm), ("hub timer", HubAlarm)):
            late = lateness_ms(make)
            found[name].append([median(late), quantiles(late, n=100)[98]])
    alarms = {
        name: {"p50_ms": median(r[0] for r in rounds), "p99_ms": median(r[1] for r in rounds)}
        for name, rounds in found.items()
    }
    for name, row in alarms.items():
        print(f"{name:<10} late by p50 {row['p50_ms']:.3f} ms, p99 {row['p99_ms']:.3f} ms")
    run = whole_run(seconds)
    print(f"whole run at {RATE}/s: {run}")
    met = run["p50_ms"] <= 0.15 and run["p99_ms"] <= 1 and run["generator_cpu"] < 0.8
    print("goal met" if met else "goal missed")
    print(json.dumps({"alarms": alarms, "run": run}))


if __name__ == "__main__":
    main()
