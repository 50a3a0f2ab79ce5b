"""tokenswarm's own costs beside calls and streams: a user, the collector, merging histograms, a report."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
from bench_process import OWN_CORE, nginx, pin
from parts import BODY, KIND, STREAM, TIMES, a_run, ended, fold_us

from tokenswarm.metrics.histogram import Histogram

HERE = Path(__file__).parent
MEMORY_GOAL_KB = 40
PROFILE = """
name: reported
scenario: chat
stages: [{name: hold, duration: 5s, users: 20, transition: step}]
"""


def measured(rounds: int, users: int) -> dict[str, object]:
    """By what is measured."""
    return {
        "users": _users(users),
        "collector": _collector(rounds),
        "histograms": _histograms(rounds),
        "report": _report(rounds),
    }


def _users(users: int) -> dict[str, object]:
    with nginx(BODY) as target:
        command = [sys.executable, str(HERE / "bench_users.py"), target.url, str(users)]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=120, check=True, preexec_fn=lambda: pin(OWN_CORE)
        )
    return {**json.loads(done.stdout.splitlines()[-1]), "goal_kb": MEMORY_GOAL_KB}


def _collector(rounds: int) -> dict[str, float]:
    load, _ = a_run()
    found: dict[str, list[float]] = {"record": [], "record a stream": [], "fold": [], "fold a stream": []}
    for _ in range(rounds):
        for name, kind in (("", KIND), (" a stream", STREAM)):
            made = [ended(load, kind) for _ in range(TIMES)]
            found[f"record{name}"].append(
                _cpu_us(lambda made=made: [load.collector.record(r) for r in made], TIMES)
            )
            found[f"fold{name}"].append(fold_us(load, kind))
    load.stop()
    return {f"{name}, µs a call": round(median(us), 2) for name, us in found.items()}


def _histograms(rounds: int) -> dict[str, float]:
    rng = np.random.default_rng(1)
    values = rng.lognormal(-2, 0.5, 100_000).tolist()
    parts = []
    for i in range(1000):
        one = Histogram()
        one.fold(values[100 * i : 100 * i + 100])
        parts.append(one)
    return {
        "fold, ns a value": round(
            median(_cpu_us(lambda: Histogram().fold(values), 100) for _ in range(rounds))
        ),
        "merge, µs a histogram": round(
            median(_cpu_us(lambda: Histogram.merged(parts), 1000) for _ in range(rounds)), 2
        ),
    }


def _report(rounds: int) -> dict[str, float]:
    """Of a short run against the embedded mock: most of a report's time is the same for any run."""
    with tempfile.TemporaryDirectory() as place:
        profile = Path(place) / "reported.yaml"
        profile.write_text(PROFILE)
        base = [sys.executable, "-m", "tokenswarm"]
        told = {"capture_output": True, "timeout": 120, "cwd": HERE.parent}
        subprocess.run([*base, "run", str(profile), "--reports", place], check=False, **told)
        folder = next(path for path in Path(place).iterdir() if path.is_dir())
        seconds = []
        for _ in range(rounds):
            began_s = time.monotonic()
            subprocess.run([*base, "report", str(folder)], check=False, **told)
            seconds.append(time.monotonic() - began_s)
    return {"judge and render, s": round(median(seconds), 2)}


def _cpu_us(action: Callable[[], object], times: int) -> float:
    began = time.process_time()
    action()
    return (time.process_time() - began) / times * 1e6
