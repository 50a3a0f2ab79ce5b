"""What a soak leaves in memory and on disk: a simulated day through collector, wire, merge and files.

A worker and a master, each a process of its own, joined by a pipe instead of ZMQ, on a clock that jumps:
the worker records the calls of a report interval, packs Locust's statistics and our delta as Locust does,
and the master does with them what it does in a run. Then the folder's reports are made. Takes about ten
minutes: .venv/bin/python benchmarks/soak_memory.py [--hours 24] [--calls 10000000] [--report-every 3]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import struct
import subprocess
import sys
import tempfile
import time
from itertools import cycle
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import IO, Any

GOALS = {"worker MB": 150.0, "master MB": 150.0, "folder MB": 60.0, "report MB": 500.0, "html MB": 2.0}
LENGTH = struct.Struct("<I")
LOOKS = 8  # at the memory, evenly over the day
CHUNKS = 12  # of a streamed answer


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--calls", type=int, default=10_000_000)
    parser.add_argument("--report-every", type=float, default=3.0, help="simulated seconds")
    parser.add_argument("--origins", type=int, default=4, help="caches and providers; times 6 sets of labels")
    parser.add_argument("--role", choices=("all", "worker", "master"), default="all")
    parser.add_argument("--folder", type=Path, default=None)
    return parser.parse_args()


def resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


def plan_of(hours: float) -> Any:
    from tokenswarm.profile.places import SearchPath
    from tokenswarm.profile.resolve import Names
    from tokenswarm.swarm.plan import build_plan

    names = Names("soak", target="http://127.0.0.1:1", model="mock")
    environ = {"SOAK_DURATION": f"{hours * 3600:.0f}s"}
    return build_plan(names, scenario="chat", seed=1, places=SearchPath.of(Path.cwd()), environ=environ)


class Shapes:
    """Calls to draw from: 30 % of them from a cache, 1 % failed, each with a message of its own."""

    def __init__(self, origins: int) -> None:
        rng = Random(1)
        self._shapes = cycle([self._shape(rng, i, origins) for i in range(20_011)])
        self._numbers = iter(range(10**12))

    @staticmethod
    def _shape(rng: Random, i: int, origins: int) -> dict[str, Any]:
        origin = i % origins
        latency_s = rng.lognormvariate(-1.6, 0.5) * (0.1 if origin == 0 else 1.0)
        return {
            "prompt": ("short", "medium", "medium", "long")[i % 4],
            "stream": i % 2 == 0,
            "failed": rng.random() < 0.01,
            "latency_s": latency_s,
            "ttft_s": latency_s * rng.uniform(0.2, 0.5),
            "delay_s": rng.expovariate(2000),
            "cache": "hit" if origin == 0 else "miss",
            "layer": "L1" if origin == 0 else "",
            "provider": f"provider-{origin}" if origin else "",
            "tokens": rng.randrange(20, 300),
        }

    def call(self, ended_s: float, stage: str) -> Any:
        from tokenswarm.metrics.call import CallRecord

        shape = next(self._shapes)
        record = CallRecord(ended_s - shape["latency_s"] - shape["delay_s"])
        record.scenario, record.stage, record.prompt = "chat", stage, shape["prompt"]
        record.stream = shape["stream"]
        record.started_at_s = record.sent_at_s = sent_s = ended_s - shape["latency_s"]
        record.headers_at_s = sent_s + shape["ttft_s"] * 0.9
        record.ended_at_s = ended_s
        if shape["failed"]:
            record.outcome, record.status = "http_5xx", 500
            record.detail = f"no answer to request {next(self._numbers)}"
            return record
        record.status = 200
        record.cache, record.cache_layer, record.provider = shape["cache"], shape["layer"], shape["provider"]
        record.input_tokens, record.output_tokens = 85, shape["tokens"]
        record.bytes_sent, record.bytes_received = 600, 40 * shape["tokens"]
        if record.stream:
            first_s, rest_s = sent_s + shape["ttft_s"], shape["latency_s"] - shape["ttft_s"]
            record.content_at_s = [first_s + rest_s * (n / CHUNKS) ** 1.1 for n in range(CHUNKS)]
            record.first_output_at_s, record.chunks = first_s, CHUNKS
        return record


def work(chosen: argparse.Namespace) -> None:
    """The worker's role: reports on standard output, memory on standard error."""
    import locust.stats
    from locust.event import Events
    from locust.rpc.protocol import Message

    from tokenswarm.metrics.collector import Collector
    from tokenswarm.swarm.merge import DELTA

    plan = plan_of(chosen.hours)
    clock = SimpleNamespace(now_s=0.0)
    vars(locust.stats)["time"] = SimpleNamespace(time=lambda: 1e9 + clock.now_s)
    stats, events = locust.stats.RequestStats(use_response_times_cache=False), Events()
    locust.stats.setup_distributed_stats_event_listeners(events, stats)
    collector, shapes = Collector(0.0, plan.width_s, plan.objectives_s), Shapes(chosen.origins)
    reports = round(plan.total_s / chosen.report_every)
    looks, made = [], 0
    for report in range(reports):
        start_s, due = report * chosen.report_every, round(chosen.calls * (report + 1) / reports)
        for n in range(due - made):
            clock.now_s = start_s + chosen.report_every * n / (due - made)
            call = shapes.call(clock.now_s, plan.stages.stage_at(clock.now_s).name)
            collector.record(call)
            row = f"chat {call.prompt} {'stream' if call.stream else 'plain'}"
            stats.log_request("POST", row, call.latency_s * 1000, call.bytes_received)
            if not call.is_success:
                stats.log_error("POST", row, f"{call.outcome} {call.status}")
        made = due
        collector.observe("generator_lag", clock.now_s, [1e-4] * 20, plan.stages.stages[-1].name)
        data: dict[str, Any] = {"user_classes_count": {"ChatUser": 20}, "at_s": clock.now_s}
        events.report_to_master.fire(client_id="worker", data=data)
        data[DELTA] = collector.drain().to_wire()
        message = Message("stats", data, "worker").serialize()
        sys.stdout.buffer.write(LENGTH.pack(len(message)) + message)
        if (report + 1) * LOOKS // reports > len(looks):
            looks.append(round(resident_mb(), 1))
    sys.stdout.buffer.flush()
    print(json.dumps({"looks": looks, "cpu_s": round(time.process_time(), 1)}), file=sys.stderr)


def messages(source: IO[bytes]) -> Any:
    while head := source.read(LENGTH.size):
        yield source.read(LENGTH.unpack(head)[0])


def merge_all(chosen: argparse.Namespace) -> None:
    """The master's role, as the conductor plays it; memory on standard error."""
    import locust.stats
    from locust.env import Environment
    from locust.event import Events
    from locust.rpc.protocol import Message

    from tokenswarm.swarm.abort_watch import AbortWatch
    from tokenswarm.swarm.console import Glance
    from tokenswarm.swarm.locust_bounds import BoundedCsv, prune
    from tokenswarm.swarm.merge import Merge
    from tokenswarm.swarm.ration import Ration
    from tokenswarm.swarm.recorder import Recorder
    from tokenswarm.swarm.sessions import open_session

    plan, folder = plan_of(chosen.hours), chosen.folder
    clock = SimpleNamespace(now_s=0.0)
    vars(locust.stats)["time"] = SimpleNamespace(time=lambda: 1e9 + clock.now_s)
    environment = Environment(events=Events())
    runner = SimpleNamespace(stats=environment.stats, user_count=20)
    locust.stats.setup_distributed_stats_event_listeners(environment.events, environment.stats)
    open_session(environment, lambda: plan).make_plan()
    csv = BoundedCsv(
        environment, locust.stats.PERCENTILES_TO_REPORT, str(folder / "locust"), full_history=True
    )
    csv.stats_history_csv_writer.writerow(csv.stats_history_csv_columns)
    recorder = Recorder(folder, ration=Ration(plan.total_s))
    watch = AbortWatch(plan.thresholds, plan.stage_spans(), plan.width_s)
    merge = Merge(plan.stage_spans(), recorder, watch)
    recorder.event(0.0, "started", workers=1)
    looks: list[float] = []
    shown_s = pruned_s = sampled_s = 0.0
    for message in messages(sys.stdin.buffer):
        data = Message.unserialize(message).data
        clock.now_s = at_s = data["at_s"]
        environment.events.worker_report.fire(client_id="worker", data=data)
        delta = merge.read_report(data)
        assert delta is not None
        merge.absorb(delta, at_s)
        merge.pass_on()
        assert watch.broken_line(at_s) is None
        recorder.flush(at_s)
        csv._stats_history_data_rows(csv.stats_history_csv_writer, 1e9 + at_s)
        if at_s - shown_s >= 5:
            shown_s = at_s
            Glance.take(plan, at_s, 20, merge, is_stopping=False)
            locust.stats.update_stats_history(runner)
        if at_s - pruned_s >= 30:
            pruned_s = at_s
            prune(environment.stats)
        if at_s - sampled_s >= plan.width_s:
            sampled_s = at_s
            recorder.sample(at_s, "master", "users", 20)
            recorder.sample(at_s, "worker-1", "generator_cpu", 0.5)
            recorder.sample(at_s, "target", "target_memory", 50_000_000 + Random(at_s).randrange(100_000))
        if at_s > plan.total_s * (len(looks) + 1) / LOOKS - 2 * chosen.report_every:
            looks.append(round(resident_mb(), 1))
    recorder.event(plan.total_s, "stopped", reason="finished", detail="")
    recorder.event(plan.total_s, "drained", workers_lost=0, undrained=0, rejected_reports=0)
    recorder.close()
    csv.close_files()
    write_facts(folder, plan)
    print(json.dumps({"looks": looks, "cpu_s": round(time.process_time(), 1)}), file=sys.stderr)


def write_facts(folder: Path, plan: Any) -> None:
    """run.json as `tokenswarm run` writes it."""
    profile = plan.profile
    spans = [
        {"name": s.name, "start_s": s.start_s, "end_s": s.end_s, "is_warmup": s.is_warmup, "users": 20}
        for s in plan.stage_spans()
    ]
    facts = {
        "schema": 1,
        "tool": {"name": "tokenswarm", "version": "0"},
        "started_at": "2026-01-01T00:00:00+00:00",
        "ended_at": "2026-01-02T00:00:00+00:00",
        "state": "finished",
        "scenario": plan.scenario,
        "profile": {"name": profile.name, "file": profile.file, "resolved": profile.resolved()},
        "slo": None,
        "target": {
            "name": "simulated",
            "url": "http://127.0.0.1:1",
            "dialect": "openai-chat",
            "model": "mock",
        },
        "stages": spans,
        "workers": 1,
        "width_s": plan.width_s,
    }
    (folder / "run.json").write_text(json.dumps(facts))


def simulate(chosen: argparse.Namespace, folder: Path) -> dict[str, Any]:
    command = [sys.executable, __file__, *sys.argv[1:], "--folder", str(folder), "--role"]
    began_s = time.monotonic()
    with (
        subprocess.Popen([*command, "worker"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as worker,
        subprocess.Popen([*command, "master"], stdin=worker.stdout, stderr=subprocess.PIPE) as master,
    ):
        assert worker.stdout is not None
        worker.stdout.close()
        said = [process.communicate()[1].decode() for process in (master, worker)]
    if master.returncode or worker.returncode:
        sys.exit("\n".join(said))
    of_master, of_worker = (json.loads(text.splitlines()[-1]) for text in said)
    size = {file.name: file.stat().st_size / 1e6 for file in folder.iterdir()}
    began_report_s = time.monotonic()
    report = subprocess.run(
        [sys.executable, "-m", "tokenswarm", "report", str(folder)], stdout=subprocess.PIPE, check=False
    )
    report_s = time.monotonic() - began_report_s
    assert (folder / "report.html").exists(), report.stdout.decode()
    return {
        "calls": chosen.calls,
        "hours": chosen.hours,
        "took s": round(began_report_s - began_s),
        "worker": of_worker,
        "master": of_master,
        "worker MB": max(of_worker["looks"]),
        "master MB": max(of_master["looks"]),
        "folder MB": round(sum(size.values()), 1),
        "files MB": {name: round(mb, 2) for name, mb in sorted(size.items()) if mb >= 0.01},
        "report s": round(report_s, 1),
        # Of all children the largest: the reader is far larger than the two others.
        "report MB": round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e3, 1),
        "html MB": round((folder / "report.html").stat().st_size / 1e6, 2),
    }


def main() -> None:
    chosen = options()
    if chosen.role != "all":
        (work if chosen.role == "worker" else merge_all)(chosen)
        return
    os.environ.setdefault("PYTHONPATH", str(Path(__file__).parents[1]))
    with tempfile.TemporaryDirectory() as scratch:
        folder = chosen.folder or Path(scratch)
        folder.mkdir(exist_ok=True)
        result = simulate(chosen, folder)
    print(f"{'':12} {'found':>8} {'goal':>8}", file=sys.stderr)
    for name, goal in GOALS.items():
        print(f"{name:12} {result[name]:8} {goal:8}", file=sys.stderr)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
