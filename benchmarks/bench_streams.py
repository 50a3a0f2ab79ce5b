"""Events of streams per second of CPU, and how true first tokens are, beside LLM clients, against the mock.

Each stream has 64 tokens, 20 ms apart. The mock stamps its own time to the first token on each answer; what a
client saw beyond it is its error.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import fmean, quantiles

from bench_peers import FOLDER, PEERS, Asked, Peer
from bench_process import TARGET_CORE, Process

from tokenswarm.metrics.source import Selector
from tokenswarm.mock.options import MockOptions
from tokenswarm.mock.process import MockProcess
from tokenswarm.report.run_folder import read_run

ROOT = Path(__file__).parents[1]
OURS = "tokenswarm in Locust"
MODEL = "mock;ttft=200;itl=20;tokens=64;stamp=1"
GOALS = {"events_per_cpu_s": 40_000, "mean_ms": 1.0, "p99_ms": 5.0}
PROFILE = """
name: streams
scenario: chat
stages:
  - {{name: begin, duration: 4s, users: {streams}, transition: step, warmup: true}}
  - {{name: hold, duration: {seconds}s, users: {streams}, transition: step}}
prompts: {{short: 100, medium: 0, long: 0}}
streaming: 100%
timeouts: {{total: 60s}}
"""


def ours(mock: MockProcess, streams: int, seconds: float) -> dict[str, object]:
    """tokenswarm, the way a user runs it: with a run folder, its metrics and its verdict."""
    with tempfile.TemporaryDirectory() as place:
        profile = Path(place) / "streams.yaml"
        profile.write_text(PROFILE.format(streams=streams, seconds=round(seconds) + 3))
        command = [sys.executable, "-m", "tokenswarm", "run", str(profile), "--reports", place]
        command += ["--target", mock.url, "--model", MODEL]
        with Process(command, {"PYTHONPATH": str(ROOT)}) as process:
            used = process.used(
                lambda: mock.counters().stream_events, seconds, after=30 * streams, settle_s=1.5
            )
            process.wait(60)
        folder = next(path for path in Path(place).iterdir() if path.is_dir())
        run = read_run(folder)
        hold = Selector({"stage": "hold", "outcome": "success"})
        error = run.measurements.histogram("overhead_ttft", hold)
        lag = run.measurements.histogram("generator_lag", Selector({"stage": "hold"}))
        return {
            "events_per_cpu_s": round(used.per_cpu_s),
            "cores": round(used.cpu_s / used.seconds, 2),
            "calls": error.count,
            "mean_ms": _ms(error.mean),
            "p99_ms": _ms(error.quantile(0.99)),
            "generator_lag_p99_ms": _ms(lag.quantile(0.99)),
        }


def theirs(peer: Peer, mock: MockProcess, streams: int, seconds: float) -> dict[str, object]:
    """One of the peers, from the time on when all of its streams are under way."""
    if not peer.path.exists():
        return {"skipped": f"not in {FOLDER.name}: make bench-peers"}
    with tempfile.TemporaryDirectory() as place:
        asked = Asked(mock.url, MODEL, streams, round(seconds) + 12, Path(place))
        with Process([str(peer.path), *peer.command(asked)]) as process:
            used = process.used(
                lambda: mock.counters().stream_events, seconds, after=30 * streams, settle_s=1.5
            )
            process.wait(180)
            errors = peer.errors_ms(Path(place), process.output)
            errors = errors[streams:] or errors  # without those that connected, if there are others
    return {
        "events_per_cpu_s": round(used.per_cpu_s),
        "cores": round(used.cpu_s / used.seconds, 2),
        "calls": len(errors),
        "mean_ms": round(fmean(errors), 2),
        "p99_ms": round(quantiles(errors, n=100)[98], 2),
    }


def contestants() -> dict[str, Callable[[MockProcess, int, float], dict[str, object]]]:
    """Ours first."""
    return {OURS: ours} | {peer.name: partial(theirs, peer) for peer in PEERS}


def measured(sizes: list[int], rounds: int, seconds: float, *, with_peers: bool) -> dict[str, object]:
    """By number of streams, by contestant: its rounds' medians."""
    found: dict[str, object] = {}
    with MockProcess(MockOptions(), "provider") as mock:
        os.sched_setaffinity(mock.pid, {TARGET_CORE})
        for streams in sizes:
            there = contestants() if with_peers else {OURS: ours}
            rows: dict[str, list[dict[str, object]]] = {name: [] for name in there}
            for _ in range(rounds):
                for name, contestant in there.items():
                    rows[name].append(_tried(contestant, mock, streams, seconds))
            found[str(streams)] = {name: _middle(tries) for name, tries in rows.items()}
    return found


def _tried(
    contestant: Callable[[MockProcess, int, float], dict[str, object]],
    mock: MockProcess,
    streams: int,
    seconds: float,
) -> dict[str, object]:
    try:
        return contestant(mock, streams, seconds)
    except (RuntimeError, OSError, ValueError, StopIteration, subprocess.SubprocessError) as error:
        return {"skipped": f"{type(error).__name__}: {str(error)[-300:]}"}


def _middle(tries: list[dict[str, object]]) -> dict[str, object]:
    """The try in the middle by events per second of CPU; why there is none, if there is none."""
    good = sorted((one for one in tries if "skipped" not in one), key=lambda one: one["events_per_cpu_s"])
    return good[len(good) // 2] if good else tries[0]


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 2)
