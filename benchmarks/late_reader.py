"""How true first tokens are when the load generator is busy: by the kernel's stamps, and by when it reads.

    python benchmarks/late_reader.py [--seconds 6] [--json FILE]

Users stream from the mock while a greenlet beside them takes the core for 15 ms at a time, so that it is
never idle. The mock stamps its own time to the first token on each answer; what a call saw beyond is wrong.
Both clocks in turn, in one process. Goal: p99 ≤ 1 ms by the kernel where the process is ≥ 10 ms off.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from statistics import fmean, quantiles

import gevent

from tokenswarm.metrics.call import CallRecord
from tokenswarm.mock.options import MockOptions
from tokenswarm.mock.process import MockProcess
from tokenswarm.transport.call import call
from tokenswarm.transport.endpoint import Endpoint
from tokenswarm.transport.http import HttpConnection
from tokenswarm.wire.dialect import DIALECTS, ChatOptions
from tokenswarm.wire.kept_answer import KeptAnswer
from tokenswarm.wire.stamp import read_stamp

USERS, HOG_S, ROUNDS = 20, 0.015, 3
MODEL = "mock;ttft=60;itl=50;tokens=6"
DIALECT = DIALECTS["openai-chat"]


def process_clock() -> float:
    """The same clock as always; but a connection that is given one of its own takes no stamps."""
    return time.monotonic()


def errors_ms(url: str, clock: Callable[[], float], seconds: float) -> list[float]:
    """How much later than in truth first tokens were seen."""
    found: list[float] = []
    until_s = time.monotonic() + seconds
    request = DIALECT.encode("Say something.", ChatOptions(MODEL, stream=True))
    endpoint = Endpoint.build(url)

    def user() -> None:
        connection = HttpConnection(endpoint, clock)
        while time.monotonic() < until_s:
            record = CallRecord(time.monotonic())
            record.stream, record.body = True, bytearray()
            call(connection, DIALECT, request, record)
            said = read_stamp({}, KeptAnswer(record.body or b""), "")
            if record.ttft_s is not None and said is not None and said[1].ttft_s is not None:
                found.append((record.ttft_s - said[1].ttft_s) * 1000)
        connection.close()

    def hog() -> None:
        while time.monotonic() < until_s + 0.5:
            free_at_s = time.monotonic() + HOG_S
            while time.monotonic() < free_at_s:
                pass
            gevent.sleep(0.0005)

    gevent.joinall([gevent.spawn(user) for _ in range(USERS)] + [gevent.spawn(hog)], raise_error=True)
    return found[USERS:]  # without the first ones, that opened connections


def measured(seconds: float) -> dict[str, dict[str, float]]:
    """By clock: errors of the time to the first token, in ms."""
    cores = sorted(os.sched_getaffinity(0))
    clocks = {"kernel": time.monotonic, "process": process_clock}
    found: dict[str, list[float]] = {name: [] for name in clocks}
    with MockProcess(MockOptions()) as mock:
        os.sched_setaffinity(mock.pid, {cores[0]})
        os.sched_setaffinity(0, {cores[-1]})
        for _ in range(ROUNDS):
            for name, clock in clocks.items():
                found[name] += errors_ms(mock.url, clock, seconds / ROUNDS)
        os.sched_setaffinity(0, cores)
    return {
        name: {
            "calls": len(errors),
            "mean_ms": round(fmean(errors), 3),
            "p50_ms": round(quantiles(errors, n=100)[49], 3),
            "p99_ms": round(quantiles(errors, n=100)[98], 3),
        }
        for name, errors in found.items()
    }


def main() -> None:
    """Print the table, and JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=6.0, help="with each clock")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    options = parser.parse_args()
    found = measured(options.seconds)
    for name, row in found.items():
        print(f"first token, error by the clock of the {name:<8}", row)
    is_met = found["kernel"]["p99_ms"] <= 1 and found["process"]["p99_ms"] >= 10
    print("goal met" if is_met else "goal missed")
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
