"""What watching a target costs: the process that reads, and the load generator that takes down what it read.

    python benchmarks/monitor_cost.py

For ten seconds a page of 5,000 lines, a log that grows by 1,000 lines a second, a Redis and a process with
its children are read once a second. `reader` is the CPU of the process that does it; `taking` is the hub's
time for one second's lines, measured in the load generator's own code.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import orjson
import psutil

from tokenswarm.metrics.histogram import Histogram
from tokenswarm.metrics.series import NO_LABELS, Delta, Series, SeriesKey
from tokenswarm.mock.redis_server import RedisServer
from tokenswarm.monitors.spec import LogSpec, LogValue, PageSpec, PageValue, ProcessSpec, RedisSpec, Spec
from tokenswarm.swarm.recorder import Recorder

SECONDS = 10
LINES_A_S = 1_000
PAGE_LINES = 5_000
BOUNDS = ("5", "10", "25", "50", "100", "250", "500", "1000", "+Inf")


def page_at(number: int) -> bytes:
    """A gateway's page after so many scrapes: few lines that are wanted among many that aren't."""
    rows = [f'other_metric_total{{model="m{i}",key="k{i}"}} {i + number}' for i in range(PAGE_LINES)]
    rows += [f'calls_total{{status="{status}"}} {number * 500}' for status in (200, 429, 500)]
    rows += [f'took_ms_bucket{{le="{le}"}} {number * 100 * (i + 1)}' for i, le in enumerate(BOUNDS)]
    rows += [f"took_ms_sum {number * 9000}", f"took_ms_count {number * 900}", f"queue {number % 7}"]
    return ("# TYPE took_ms histogram\n# TYPE calls counter\n" + "\n".join(rows) + "\n").encode()


class Page(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    pages = tuple(page_at(number) for number in range(1, 2 * SECONDS))
    served = 0

    def do_GET(self) -> None:
        body = self.pages[min(Page.served, len(self.pages) - 1)]
        Page.served += 1
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


def spec_of(port: int, log: Path, redis: RedisServer | None) -> Spec:
    page = PageSpec(
        f"http://127.0.0.1:{port}/metrics",
        {
            "target_requests": (PageValue("calls_total"),),
            "target_latency": (PageValue("took_ms", {}, 1e-3),),
            "target_queue": (PageValue("queue"),),
        },
    )
    rules = {
        "target_logged_ms": LogValue(r"Request completed.*total_latency_ms=(\d+)", 1e-3),
        "target_errors_total": LogValue("ERROR"),
    }
    own = (
        RedisSpec(redis.url, {"redis_memory": "used_memory", "redis_hits": "keyspace_hits"})
        if redis
        else None
    )
    return Spec(ProcessSpec(pid=psutil.Process().pid), (page,), (LogSpec(str(log), rules),), own)


def write_log(log: Path, over: threading.Event) -> None:
    with log.open("a") as file:
        number = 0
        while not over.wait(0.1):
            for _ in range(LINES_A_S // 10):
                number += 1
                file.write(
                    f"2026 INFO Request completed id={number} total_latency_ms={20 + number % 300} ok\n"
                )
            file.flush()


def taking_us(rows: list[bytes], folder: Path) -> float:
    """Per second of a run: parse the lines, write the samples, lay the times into histograms."""
    recorder = Recorder(folder)
    began = time.process_time()
    for line in rows:
        row = orjson.loads(line)
        for at_s, source, name, value in row.get("points", ()):
            recorder.sample(at_s, source, name, value)
        for at_s, name, values, _ in row.get("times", ()):
            histogram = Histogram()
            histogram.fold_repeated([value for value, _ in values], [times for _, times in values])
            key = SeriesKey(int(max(0, at_s)), "hold", NO_LABELS)
            recorder.absorb(Delta(1.0, {key: Series({}, {name: histogram})}))
    spent_s = time.process_time() - began
    recorder.close()
    return spent_s / SECONDS * 1e6


def main() -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        log = folder / "app.log"
        log.touch()
        redis = stack.enter_context(RedisServer()) if shutil.which("redis-server") else None
        server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        over = threading.Event()
        writer = threading.Thread(target=write_log, args=(log, over))
        writer.start()
        order = {
            "started_at_s": time.monotonic(),
            "every_s": 1.0,
            "spec": spec_of(server.server_port, log, redis).to_plain(),
        }
        child = subprocess.Popen(
            [sys.executable, "-m", "tokenswarm.monitors"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(orjson.dumps(order) + b"\n")
        child.stdin.flush()
        rows: list[bytes] = []
        reader = threading.Thread(target=lambda: rows.extend(child.stdout or ()))
        reader.start()
        time.sleep(1.0)  # its start is not its work
        watched = psutil.Process(child.pid)
        before = watched.cpu_times()
        time.sleep(SECONDS)
        after, memory_bytes = watched.cpu_times(), watched.memory_info().rss
        child.stdin.close()
        reader.join()
        child.wait()
        over.set()
        writer.join()
        server.shutdown()
        server.server_close()
        cpu_s = after.user + after.system - before.user - before.system
        found = {
            "start_cpu_s": round(before.user + before.system, 2),
            "reader_cores": round(cpu_s / SECONDS, 4),
            "reader_mb": round(memory_bytes / 1e6, 1),
            "lines": len(rows),
            "taking_us_a_second": round(taking_us(rows, folder), 1),
            "has_redis": redis is not None,
        }
    print(f"reader: {found['reader_cores']:.1%} of a core, {found['reader_mb']} MB")
    print(f"taking: {found['taking_us_a_second']} µs of the load generator's hub for each second")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
