"""What the mock gateway costs and how exact it is: hits, misses, injected overhead; its client beside httpx.

    python benchmarks/gateway_cost.py [--seconds 3] [--json FILE]

Everything runs on loopback: the load on one core, provider and gateway share what is left.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from statistics import quantiles
from time import perf_counter

import httpx
import uvloop
from mock_speed import Row, drive, request_bytes

from tokenswarm.mock.options import MockOptions
from tokenswarm.mock.process import MockProcess
from tokenswarm.mock.proxy.breaker import Breaker
from tokenswarm.mock.proxy.options import GatewayOptions
from tokenswarm.mock.proxy.process import GatewayProcess
from tokenswarm.mock.proxy.upstream import Upstream
from tokenswarm.mock.proxy.upstream_address import read_addresses
from tokenswarm.mock.redis_server import RedisServer

BODY = b'{"model":"mock","messages":[{"role":"user","content":"Say hello to the world."}]}'
PATH = "/v1/chat/completions"


async def time_ours(url: str, calls: int) -> float:
    """Milliseconds a call, one after the other, by the gateway's own client."""
    (address,) = read_addresses((url,))
    upstream = Upstream(0, address, Breaker(5, 10.0, lambda _before, _after: None))
    head = f"POST {PATH} HTTP/1.1\r\nhost: m\r\ncontent-length: {len(BODY)}\r\n\r\n".encode()
    start_s = perf_counter()
    for _ in range(calls):
        exchange = await upstream.call(head + BODY, 10.0)
        await upstream.within(10.0, exchange)
        assert exchange.status == 200
    spent_s = perf_counter() - start_s
    upstream.close()
    return 1000 * spent_s / calls


async def time_httpx(url: str, calls: int) -> float:
    """The same by httpx, with one client and kept connections."""
    async with httpx.AsyncClient() as client:
        start_s = perf_counter()
        for _ in range(calls):
            answer = await client.post(url + PATH, content=BODY)
            assert answer.status_code == 200
        return 1000 * (perf_counter() - start_s) / calls


def client_rows() -> Iterator[Row]:
    """Interleaved, so that a busy machine is as busy for both."""
    with MockProcess(MockOptions(ttft="0", itl="0"), role="provider") as provider:
        ours, theirs = [], []
        for _ in range(7):
            ours.append(uvloop.run(time_ours(provider.url, 300)))
            theirs.append(uvloop.run(time_httpx(provider.url, 300)))
    yield Row("a call by the gateway's own client", min(ours), "ms", note="best of 7 × 300, one at a time")
    yield Row("a call by httpx", min(theirs), "ms")


def gateway_rows(seconds: float) -> Iterator[Row]:
    """By the gateway's own truth log, at a load that leaves it idle half of the time, and at all it can."""
    with ExitStack() as stack, tempfile.TemporaryDirectory() as folder:
        provider = stack.enter_context(
            MockProcess(MockOptions(ttft="20", itl="1", tokens="5"), role="provider")
        )
        kinds = {
            "no overhead": {},
            "15 ms injected": {"overhead": "15"},
            "L1": {"l1_ttl": 600.0},
            "L2 in memory": {"l2": True},
        }
        if shutil.which("redis-server"):
            kinds["L2 in Redis"] = {"redis": stack.enter_context(RedisServer()).url}
        for name, options in kinds.items():
            for is_stream in (False, True):
                log = Path(folder) / f"{name}-{is_stream}.jsonl"
                with GatewayProcess(GatewayOptions((provider.url,), truth_log=log, **options)) as gateway:
                    request = request_bytes("mock", is_stream=is_stream)
                    uvloop.run(drive(gateway.url, request, 4, seconds, is_stream=is_stream, pause_s=0.002))
                yield from rows_of(f"{name}, {'streamed' if is_stream else 'whole'}", log)
        options = GatewayOptions((provider.url,), l1_ttl=600.0)
        with GatewayProcess(options) as gateway:
            load = uvloop.run(
                drive(gateway.url, request_bytes("mock", is_stream=False), 32, seconds, is_stream=False)
            )
        yield Row("L1 hits at all it can", load.calls / load.seconds, "calls/s", 1000)


def rows_of(name: str, log: Path) -> Iterator[Row]:
    """Hits by their whole time, misses by what was added to the upstream's."""
    calls = [entry for entry in map(json.loads, log.read_text().splitlines()) if entry["status"] == 200]
    added = [entry["overhead_ms"] for entry in calls if entry["overhead_ms"] is not None]
    hits = [entry["total_ms"] for entry in calls if entry["layer"]]
    values = hits or added
    cuts = quantiles(values, n=100)
    kind = "time of a hit" if hits else "overhead"
    yield Row(f"{name}: {kind}, p50", cuts[49], "ms", note=f"{len(values)} calls")
    yield Row("  p95", cuts[94], "ms")
    yield Row("  p99", cuts[98], "ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=3.0, help="length of each load, 1 … 60")
    parser.add_argument("--json", type=Path, help="write the rows to this file")
    options = parser.parse_args()
    rows = [*client_rows(), *gateway_rows(options.seconds)]
    for row in rows:
        print(f"{row.name:<48} {row.value:>12,.3f} {row.unit:<9} {row.note}".rstrip())
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
