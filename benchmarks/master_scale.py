"""What a thousand workers cost the master: from Locust's message to the run folder.

Each simulated worker sends Locust's statistics of six names and our delta: fifty histograms of the calls of
three seconds. The master decodes, adds up and writes them as in a run, on a clock that jumps; sockets and
heartbeats are left out. The share of a core is CPU time over simulated time. Takes about two minutes:
.venv/bin/python benchmarks/master_scale.py
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import locust.stats
from locust.env import Environment
from locust.event import Events
from locust.rpc.protocol import Message

from tokenswarm.metrics.histogram import Histogram
from tokenswarm.metrics.series import Delta, Labels, Series, SeriesKey
from tokenswarm.metrics.source import Selector, StageSpan
from tokenswarm.swarm.merge import DELTA, Merge
from tokenswarm.swarm.ration import Ration
from tokenswarm.swarm.recorder import SETTLE_S, Recorder

EVERYTHING = Selector()
GOAL = 0.30  # of a core
REPORT_EVERY_S = 3.0
METRICS = (
    *("latency", "effective_latency", "schedule_delay", "ttfb", "ttft", "ttfo"),
    *("tpot", "icl", "max_gap", "burst_ratio"),
)
SETS = 5  # of labels, so 50 histograms a report
ROUNDS = {10: 60, 100: 30, 300: 10, 1000: 6}  # workers → reports of each
CALLS = 20  # a worker's, in three seconds and each set of labels: 33 calls/s in all


def rows(rng: Random) -> dict[str, Any]:
    """Locust's own part of a report."""
    stats, events = locust.stats.RequestStats(use_response_times_cache=False), Events()
    locust.stats.setup_distributed_stats_event_listeners(events, stats)
    for i in range(SETS * CALLS):
        stats.log_request("POST", f"chat {i % 6}", rng.lognormvariate(4, 0.5), 1000)
    data: dict[str, Any] = {"user_classes_count": {"ChatUser": 20}}
    events.report_to_master.fire(client_id="worker", data=data)
    return data


def delta(rng: Random, interval: int) -> Delta:
    """Ours; most calls have a value of each metric, streams a gap for each chunk."""
    found = Delta(1.0)
    for i in range(SETS):
        labels = Labels("chat", ("short", "medium", "long")[i % 3], ("true", "false")[i % 2], status=f"20{i}")
        key = SeriesKey(interval, "hold", labels._replace(outcome="success"))
        series = found.series[key] = Series({"calls": CALLS, "output_tokens": 900, "bytes_received": 20_000})
        for metric in METRICS:
            histogram = series.values[metric] = Histogram()
            number = CALLS * 10 if metric == "icl" else CALLS
            histogram.fold([rng.lognormvariate(-3, 0.5) for _ in range(number)])
    return found


def message(rng: Random, interval: int) -> bytes:
    return bytes(Message("stats", {**rows(rng), DELTA: delta(rng, interval).to_wire()}, "worker").serialize())


def cost(workers: int, folder: Path) -> dict[str, float]:
    """CPU seconds of each part for one simulated second."""
    rng, rounds = Random(workers), ROUNDS[workers]
    recorder = Recorder(folder, SETTLE_S + REPORT_EVERY_S, Ration(86_400))
    merge = Merge((StageSpan("hold", 0, 86_400),), recorder)
    environment = Environment(events=Events())
    clock = SimpleNamespace(now_s=1e9)
    vars(locust.stats)["time"] = SimpleNamespace(time=lambda: clock.now_s)
    locust.stats.setup_distributed_stats_event_listeners(environment.events, environment.stats)
    spent = dict.fromkeys(("decode", "locust", "merge", "write", "show"), 0.0)

    def charge(part: str, since_s: float) -> float:
        now_s = time.process_time()
        spent[part] += now_s - since_s
        return now_s

    for number in range(rounds):
        interval = int(number * REPORT_EVERY_S)
        # Different ones, but not a thousand: making them takes longer than reading them.
        kinds = [message(rng, interval) for _ in range(min(workers, 40))]
        for worker in range(workers):
            at_s = (number + worker / workers) * REPORT_EVERY_S
            clock.now_s = 1e9 + at_s
            since_s = time.process_time()
            data = Message.unserialize(kinds[worker % len(kinds)]).data
            since_s = charge("decode", since_s)
            environment.events.worker_report.fire(client_id="worker", data=data)
            since_s = charge("locust", since_s)
            found = merge.read_report(data)
            assert found is not None
            merge.absorb(found, at_s)
            since_s = charge("merge", since_s)
            if worker % max(1, workers // 6) == 0:
                merge.pass_on()
                recorder.flush(at_s)
                charge("write", since_s)
        since_s = time.process_time()
        for _ in range(3):
            merge.recent(at_s).histogram("latency", EVERYTHING)
        charge("show", since_s)
    recorder.close()
    assert merge.totals.count("requests", EVERYTHING) == workers * rounds * SETS * CALLS
    return {part: seconds / (rounds * REPORT_EVERY_S) for part, seconds in spent.items()}


def main() -> None:
    found: dict[int, dict[str, float]] = {}
    for workers in (10, *ROUNDS):  # the first time warms up
        with tempfile.TemporaryDirectory() as folder:
            found[workers] = cost(workers, Path(folder))
    print("shares of a core", file=sys.stderr)
    parts = list(found[1000])
    print(f"{'workers':>8}", *(f"{part:>8}" for part in (*parts, "all", "us/hist")), file=sys.stderr)
    result: dict[int, dict[str, float]] = {}
    for workers, spent in found.items():
        whole = sum(spent.values())
        a_histogram_us = whole / (workers * SETS * len(METRICS) / REPORT_EVERY_S) * 1e6
        result[workers] = {**spent, "all": whole, "us per histogram": a_histogram_us}
        print(
            f"{workers:8}",
            *(f"{x:8.2%}" for x in (*spent.values(), whole)),
            f"{a_histogram_us:8.2f}",
            file=sys.stderr,
        )
    grown = result[1000]["all"] / result[100]["all"]
    print(f"goal: {GOAL:.0%} at 1,000 workers; ten times the workers cost {grown:.1f} times", file=sys.stderr)
    print(json.dumps({"goal": GOAL, "1000 : 100": grown, "cores": result}, indent=1))


if __name__ == "__main__":
    main()
