"""How long `tokenswarm report` takes, and how much memory, on the largest inputs that it should meet.

    soak      a run folder of 24 hours: 600 intervals with 60 series in each
    history   Locust's CSV files with --csv-full-history: 2,000,000 rows

`python benchmarks/report_speed.py [soak|history]` makes the files in a temporary folder, runs the command on
one core, and prints seconds and peak memory. The promise is 10 s and 700 MB for each; exit 1 if it is broken.
CPU seconds are judged: on an idle core they are the wall clock's, and on a busy one they are still true.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from tokenswarm.metrics.histogram import Histogram
from tokenswarm.metrics.series import Delta, Labels, Series, SeriesKey

MOST_S: Final = 10.0
MOST_MB: Final = 700.0
INTERVALS: Final = 600
WIDTH_S: Final = 24 * 3600 / INTERVALS
ROWS: Final = 2_000_000
NAMES: Final = 20
PERCENTILES: Final = ("50%", "66%", "75%", "80%", "90%", "95%", "98%", "99%", "99.9%", "99.99%", "100%")
# The times that a stream has; an answer in one piece has the first five.
TIMES: Final = ("latency", "effective_latency", "schedule_delay", "ttfb", "overhead")
STREAM_TIMES: Final = (*TIMES, "ttft", "ttfo", "tpot", "icl", "max_gap", "overhead_ttft")
PROFILE: Final[dict[str, Any]] = {
    "name": "soak",
    "stages": [
        {"name": "warm-up", "duration": "10m", "users": 50, "warmup": True},
        {"name": "hold", "duration": "1430m", "users": 50},
    ],
    "thresholds": {
        "latency": ["p(95) < 2s", "p(99) < 5s over 1h"],
        "ttft{prompt:short}": ["p(95) < 1s"],
        "error_rate": ["< 1% over 30m"],
        "latency_drift": ["< 5%/h"],
        "target_memory": ["slope < 50MB/h"],
    },
}


def make_soak(folder: Path) -> Path:
    """The run folder; about what a day of 50 calls a second leaves."""
    rng = np.random.default_rng(1)
    labels = [
        Labels("chat", prompt, stream, "gateway", "success", "200", cache, "", provider, model)
        for prompt, stream, cache, (provider, model) in itertools.product(
            ("short", "medium", "long"),
            ("true", "false"),
            ("hit", "miss"),
            (("a", "m1"), ("b", "m1"), ("c", "m2"), ("d", "m2"), ("e", "m3")),
        )
    ]
    with (folder / "intervals.jsonl").open("w", encoding="utf-8") as file:
        for interval in range(INTERVALS):
            delta = Delta(WIDTH_S)
            stage = "warm-up" if interval * WIDTH_S < 600 else "hold"
            for label in labels:
                times = STREAM_TIMES if label.stream == "true" else TIMES
                delta.series[SeriesKey(interval, stage, label)] = Series(
                    {"calls": 120, "output_tokens": 12_000, "bytes_received": 90_000, "good": 118},
                    {name: _histogram(rng.lognormal(-1.5, 0.5, 120).tolist()) for name in times},
                )
            file.write(json.dumps(delta.to_json()) + "\n")
    with (folder / "samples.jsonl").open("w", encoding="utf-8") as file:
        for interval, (source, name, value) in itertools.product(
            range(INTERVALS),
            (("master", "users", 50), ("worker-1", "generator_cpu", 0.4), ("target", "target_memory", 5e8)),
        ):
            row = {"at_s": (interval + 0.5) * WIDTH_S, "source": source, "name": name, "value": value}
            file.write(json.dumps(row) + "\n")
    end_s = INTERVALS * WIDTH_S
    events: list[dict[str, Any]] = [
        {"at_s": 0.0, "event": "started", "users": 0},
        {"at_s": end_s, "event": "stopped", "reason": "finished"},
        {"at_s": end_s + 1, "event": "drained", "workers_lost": 0, "undrained": 0, "rejected_reports": 0},
    ]
    (folder / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    (folder / "run.json").write_text(json.dumps(_facts(end_s)))
    return folder


def _histogram(values: list[float]) -> Histogram:
    histogram = Histogram()
    histogram.fold(values)
    return histogram


def _facts(end_s: float) -> dict[str, Any]:
    return {
        "schema": 1,
        "tool": {"name": "tokenswarm", "version": "0"},
        "started_at": "2026-01-31T12:00:00+00:00",
        "state": "finished",
        "scenario": "chat",
        "profile": {"name": "soak", "file": "soak.yaml", "sha256": "", "resolved": PROFILE},
        "slo": None,
        "target": {"name": "gateway", "url": "http://127.0.0.1:1", "dialect": "openai-chat", "model": "m1"},
        "stages": [
            {"name": "warm-up", "start_s": 0.0, "end_s": 600.0, "is_warmup": True, "users": 50},
            {"name": "hold", "start_s": 600.0, "end_s": end_s, "is_warmup": False, "users": 50},
        ],
        "time_scale": 1.0,
        "seed": 1,
        "workers": 1,
        "width_s": WIDTH_S,
        "command": "tokenswarm run soak",
        "locust_command": "",
        "environment": {},
        "locust_exit_code": 0,
        "mock": None,
    }


def make_history(folder: Path) -> Path:
    """PREFIX_stats.csv and a PREFIX_stats_history.csv with a row for each second and name, and for all."""
    columns = ("Requests/s", "Failures/s", *PERCENTILES)
    totals = "Total Median Response Time,Total Average Response Time,Total Min Response Time"
    rest = f"{totals},Total Max Response Time,Total Average Content Size"
    head = (
        f"Timestamp,User Count,Type,Name,{','.join(columns)},Total Request Count,Total Failure Count,{rest}"
    )
    names = [*(f"chat {n} stream" for n in range(NAMES - 1)), "Aggregated"]
    times = "42.500000,0.000000,67,77,79,81,88,110,140,180,340,510,620"
    with (folder / "x_stats_history.csv").open("w", encoding="utf-8") as file:
        file.write(head + "\n")
        for second in range(ROWS // NAMES):
            file.writelines(
                f"{1_700_000_000 + second},50,{'' if name == 'Aggregated' else 'POST'},{name},{times},"
                f"{second * 40},0,67,81.44,19.23,620.11,512.0\n"
                for name in names
            )
    stats = "Request Count,Failure Count,Median Response Time,Average Response Time,Min Response Time"
    figures = f"{ROWS * 2},0,67,81.44,19.23,620.11,512.0,40.0,0.0,67,77,79,81,88,110,140,180,340,510,620"
    (folder / "x_stats.csv").write_text(
        f"Type,Name,{stats},Max Response Time,Average Content Size,"
        f"Requests/s,Failures/s,{','.join(PERCENTILES)}\n"
        + "".join(f"POST,{name},{figures}\n" for name in names[:-1])
        + f",Aggregated,{figures}\n"
    )
    return folder / "x"


CASES: Final[dict[str, Callable[[Path], Path]]] = {"soak": make_soak, "history": make_history}


def measure(source: Path) -> tuple[float, float]:
    """Seconds of CPU on one core, and the peak memory of the command in MB."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # the child is given the same
    started = time.perf_counter()
    child = subprocess.Popen(
        [sys.executable, "-m", "tokenswarm", "report", str(source)],
        stdout=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    print(f"    {time.perf_counter() - started:.1f} s by the clock")
    if child.returncode not in (0, 99, 111):
        raise SystemExit(f"tokenswarm report ended with {child.returncode}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def main() -> None:
    """Make, measure, print."""
    is_kept = True
    for name in sys.argv[1:] or CASES:
        with tempfile.TemporaryDirectory() as place:
            source = CASES[name](Path(place))
            size = sum(file.stat().st_size for file in Path(place).iterdir()) / 1e6
            print(f"{name}: {size:,.0f} MB on disk", flush=True)
            seconds, megabytes = measure(source)
            is_kept = is_kept and seconds < MOST_S and megabytes < MOST_MB
            print(f"    {seconds:.1f} s of CPU of {MOST_S:g}, {megabytes:.0f} MB of {MOST_MB:g}")
    sys.exit(0 if is_kept else 1)


if __name__ == "__main__":
    main()
