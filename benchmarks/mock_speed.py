"""How fast and how exact the mock gateway is: one core for it, another for the client.

    python benchmarks/mock_speed.py [--seconds 4] [--json FILE]

Whole calls are driven by `wrk` if it is installed, else by the lean client below, which also drives
the streams. A plain uvicorn application that answers 650 bytes is measured beside the mock, to tell
a slow machine from a slow mock.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from statistics import quantiles
from time import perf_counter

import uvloop

from tokenswarm.mock.options import MockOptions
from tokenswarm.mock.process import MockCounters, MockProcess

SERVER_CORE, CLIENT_CORE = 0, 1
CALLS_WANTED, EVENTS_WANTED = 8_000, 25_000
HELLO = """
import socket, sys, uvicorn
headers = [(b"content-type", b"application/json"), (b"content-length", b"650")]
async def app(scope, receive, send):
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"x" * 650})
listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
print(listener.getsockname()[1], flush=True)
config = uvicorn.Config(app, loop="uvloop", http="httptools", access_log=False, log_level="critical",
                        server_header=False, date_header=False, lifespan="off", ws="none")
uvicorn.Server(config).run([listener])
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the result; `wanted` is the least that would do."""

    name: str
    value: float
    unit: str
    wanted: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Load:
    """What one load drew from a server."""

    calls: int
    events: int
    seconds: float
    mean_ms: float


def request_bytes(model: str, *, is_stream: bool) -> bytes:
    body = json.dumps(
        {
            "model": model,
            "stream": is_stream,
            "messages": [{"role": "user", "content": "Say hello to the world."}],
        }
    ).encode()
    return (
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: mock\r\nContent-Type: application/json\r\n"
        b"Authorization: Bearer sk-none\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    )


class LeanClient(asyncio.Protocol):
    """One connection: sends the same request again once its answer is whole, at once or after a pause."""

    def __init__(self, request: bytes, is_stream: bool, pause_s: float) -> None:
        self.request = request
        self.is_stream = is_stream
        self.pause_s = pause_s
        self.calls = self.events = 0
        self.waited_s = 0.0
        self.is_over = False
        self.rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.send()

    def send(self) -> None:
        self.sent_s = perf_counter()
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        if self.is_stream:
            self.events += data.count(b"data: ")
            is_whole = data.endswith(b"\r\n0\r\n\r\n")
        else:
            self.rest += data
            head, found, body = self.rest.partition(b"\r\n\r\n")
            is_whole = bool(found) and len(body) == int(re.search(rb"content-length: (\d+)", head)[1])
        if not is_whole or self.is_over:
            return
        self.rest = b""
        self.calls += 1
        self.waited_s += perf_counter() - self.sent_s
        if self.pause_s:
            asyncio.get_running_loop().call_later(self.pause_s, self.send)
        else:
            self.send()


async def drive(
    url: str, request: bytes, connections: int, seconds: float, *, is_stream: bool, pause_s: float = 0.0
) -> Load:
    """Load from this process for `seconds`."""
    host, port = url.removeprefix("http://").split(":")
    loop = asyncio.get_running_loop()
    pairs = [
        await loop.create_connection(lambda: LeanClient(request, is_stream, pause_s), host, int(port))
        for _ in range(connections)
    ]
    clients = [client for _, client in pairs]
    await asyncio.sleep(0.5)  # let the first answers pass
    before = [(client.calls, client.events, client.waited_s) for client in clients]
    start_s = perf_counter()
    await asyncio.sleep(seconds)
    spent_s = perf_counter() - start_s
    after = [(client.calls, client.events, client.waited_s) for client in clients]
    for transport, client in pairs:
        client.is_over = True
        transport.close()
    spans = [zip(late, early, strict=True) for late, early in zip(after, before, strict=True)]
    calls, events, waited_s = (
        sum(column) for column in zip(*([b - a for b, a in span] for span in spans), strict=True)
    )
    return Load(calls, events, spent_s, 1000 * waited_s / max(1, calls))


def calls_per_second(url: str, seconds: float) -> tuple[float, str]:
    """Whole calls a second, and what drove them."""
    request = request_bytes("mock;ttft=0;itl=0", is_stream=False)
    wrk = shutil.which("wrk")
    if wrk is None:
        load = uvloop.run(drive(url, request, 32, seconds, is_stream=False))
        return load.calls / load.seconds, "lean client"
    body = request.partition(b"\r\n\r\n")[2].decode()
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(
            f"wrk.method = 'POST'\nwrk.body = '{body}'\nwrk.headers['content-type'] = 'application/json'\n"
        )
        script.flush()
        command = [
            wrk,
            "-t1",
            "-c32",
            f"-d{round(seconds)}s",
            "-s",
            script.name,
            f"{url}/v1/chat/completions",
        ]
        said = subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=seconds + 30
        ).stdout
    if "Non-2xx" in said:
        raise SystemExit(said)
    return float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1]), "wrk"


@contextmanager
def hello_world() -> Iterator[str]:
    """uvicorn with an application that does nothing."""
    with subprocess.Popen([sys.executable, "-c", HELLO], stdout=subprocess.PIPE, text=True) as child:
        try:
            url = f"http://127.0.0.1:{int(child.stdout.readline())}"
            pin(child.pid, SERVER_CORE)
            yield url
        finally:
            child.kill()


def pin(pid: int, core: int) -> None:
    if len(os.sched_getaffinity(0)) > 1 or core == SERVER_CORE:
        os.sched_setaffinity(pid, {core})


def speed_rows(seconds: float) -> Iterator[Row]:
    with hello_world() as url:
        rate, driver = calls_per_second(url, seconds)
        yield Row("uvicorn, application that does nothing", rate, "calls/s", note=driver)
    with MockProcess(MockOptions()) as mock:
        pin(mock.pid, SERVER_CORE)
        idle = mock.counters()
        rate, driver = calls_per_second(mock.url, seconds)
        yield Row("whole answers, no delay", rate, "calls/s", CALLS_WANTED, driver)
        busy = mock.counters()
        yield Row(
            "  per second of the mock's CPU", per_cpu_s(busy.received - idle.received, idle, busy), "calls/s"
        )
        request = request_bytes("mock;ttft=0;itl=0", is_stream=True)
        load = uvloop.run(drive(mock.url, request, 32, seconds, is_stream=True))
        yield Row("streams of 20 tokens, no delay", load.events / load.seconds, "events/s", EVENTS_WANTED)
        done = mock.counters()
        events = done.stream_events - busy.stream_events
        yield Row("  per second of the mock's CPU", per_cpu_s(events, busy, done), "events/s")
        request = request_bytes("mock;ttft=50;itl=5", is_stream=True)
        before = mock.counters()
        load = uvloop.run(drive(mock.url, request, 180, seconds, is_stream=True))
        after = mock.counters()
        yield Row("180 streams at 5 ms a token", load.events / load.seconds, "events/s", EVENTS_WANTED)
        yield Row("  mean latency (145 ms ordered)", load.mean_ms, "ms")
        lag_s = after.effort.lag_quantile_s(0.99, since=before.effort) or 0.0
        yield Row("  event-loop lag p99, at most", lag_s * 1000, "ms")
        yield Row(
            "  calls received − (answered + cut + in flight)", missing(after), "calls", note="has to be 0"
        )


def per_cpu_s(count: int, before: MockCounters, after: MockCounters) -> float:
    """What a core of its own would give: others on this machine take time, but not CPU seconds."""
    return count / (after.effort.cpu_s - before.effort.cpu_s)


def missing(counters: MockCounters) -> float:
    return counters.received - counters.answered - counters.cut - counters.in_flight


def exactness_rows() -> Iterator[Row]:
    """How far from their due times chunks are written at low load: 10 streams of 100 tokens, 10 ms apart."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "truth.jsonl"
        with MockProcess(MockOptions(truth_log=path)) as mock:
            pin(mock.pid, SERVER_CORE)
            request = request_bytes("mock;ttft=50;itl=10;tokens=100", is_stream=True)
            uvloop.run(drive(mock.url, request, 10, 2.5, is_stream=True))
        calls = [entry["chunks_ms"] for entry in map(json.loads, path.read_text().splitlines())]
    late = [at_ms - (50 + 10 * index) for times in calls for index, at_ms in enumerate(times)]
    gaps = [abs(b - a - 10) for times in calls for a, b in pairwise(times)]
    for name, values in (("chunk later than due", late), ("gap differs from 10 ms", gaps)):
        cuts = quantiles(values, n=100)
        yield Row(f"{name}, p50", cuts[49], "ms")
        yield Row(f"{name}, p99", cuts[98], "ms", note=f"{len(values)} samples, max {max(values):.2f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=4.0, help="length of each load, 1 … 60")
    parser.add_argument("--json", type=Path, help="write the rows to this file too")
    options = parser.parse_args()
    if not 1 <= options.seconds <= 60:
        parser.error("--seconds: need 1 … 60")
    pin(os.getpid(), CLIENT_CORE)
    rows = [*speed_rows(options.seconds), *exactness_rows()]
    for row in rows:
        wanted = (
            ""
            if row.wanted is None
            else f"  ≥ {row.wanted:,.0f} {'yes' if row.value >= row.wanted else 'NO'}"
        )
        print(f"{row.name:<48} {row.value:>12,.2f} {row.unit:<9}{wanted}  {row.note}".rstrip())
    result = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "rows": [asdict(row) for row in rows],
    }
    text = json.dumps(result, indent=2)
    if options.json:
        options.json.write_text(text + "\n", encoding="utf-8")
    else:
        print(text)


if __name__ == "__main__":
    main()
