"""Our figures against the truth that the mock logged, call by call: all shapes, at low and high load."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from statistics import median, quantiles
from typing import Final

import gevent
import gevent.pool
import pytest

from tokenswarm.metrics.call import CallRecord
from tokenswarm.metrics.collector import Collector
from tokenswarm.metrics.measurements import Measurements
from tokenswarm.metrics.series import Delta
from tokenswarm.metrics.source import Selector, StageSpan
from tokenswarm.mock.options import MockOptions
from tokenswarm.mock.process import MockProcess
from tokenswarm.mock.truth_log import Truth, read_truths
from tokenswarm.transport.arrival import KERNEL, arrival_clock_name
from tokenswarm.transport.call import call
from tokenswarm.transport.endpoint import Endpoint
from tokenswarm.transport.http import HttpConnection
from tokenswarm.wire.dialect import DIALECTS, ChatOptions

from .oracle import BOUND_S, Findings, compare, true_values

pytestmark = [
    pytest.mark.end_to_end,
    pytest.mark.skipif(arrival_clock_name() != KERNEL, reason="the bound is that of the kernel's stamps"),
]
PACE: Final = "mock;ttft=lognormal:40:0.3;itl=12;tokens=8"
# Orders on top of that: what a stream may look like, and what tempts a client to be wrong about it.
SHAPES: Final = {
    "plain": "",
    "several tokens a chunk": ";chunk_tokens=3",
    "reasoning first": ";reasoning=4",
    "a tool call": ";tool=1",
    "no role chunk": ";role_chunk=0",
    "comment lines": ";comment=1",
    "a comment long before anything": ";comment=1;role_chunk=0;ttft=80",
    "CRLF": ";crlf=1;comment=1",
    "bursts": ";burst=4",
    "all in one burst": ";burst=64",
    "a stall": ";stall_at=3;stall=150",
    "gzip": ";gzip=1",
    "no usage": ";usage=0",
    "uneven gaps": ";itl=lognormal:10:1",
    "one token": ";tokens=1",
    "fast": ";itl=1.5;tokens=18;chunk_tokens=2",
}
# Beside a dialect's plain stream; the shapes are the mock's engine's, and the same for all.
DIALECT_SHAPES: Final = ("reasoning first", "a tool call", "bursts", "a stall")


@dataclass(frozen=True)
class Load:
    """Users side by side; `hold_s`: the core is taken for so long at a time, so that all reads are late."""

    users: int
    calls: int  # of each user
    hold_s: float = 0.0


@dataclass
class Measured:
    """Records with the truth about them."""

    truths: dict[str, Truth]
    records: list[CallRecord] = field(default_factory=list)
    late_s: list[float] = field(default_factory=list)  # this process's own timers

    @property
    def longest_write_s(self) -> float:
        """A server that is held up within a write leaves it open when the bytes went."""
        writes = [write for truth in self.truths.values() for write in truth.writes]
        return max(write.to_s - write.from_s for write in writes)


def plans() -> Iterator[tuple[str, str, bool]]:
    """(dialect, model, stream) again and again: all shapes, and whole answers."""
    while True:
        yield from (("openai-chat", PACE + orders, True) for orders in SHAPES.values())
        yield ("openai-chat", PACE, False)
        for dialect in ("anthropic-messages", "openai-responses", "openai-completions"):
            yield (dialect, PACE, False)
            yield from ((dialect, PACE + SHAPES[name], True) for name in ("plain", *DIALECT_SHAPES))


def measure(load: Load, log: Path) -> Measured:
    """Make the calls, and read what the mock says that it did."""
    found, plan = Measured({}), plans()
    with MockProcess(MockOptions(truth_log=log)) as mock:
        endpoint = Endpoint.build(mock.url)

        def user(_: int) -> None:
            connection = HttpConnection(endpoint)
            for n in range(load.calls):
                name, model, stream = next(plan)
                record = CallRecord(time.monotonic())
                record.stream = stream
                options = ChatOptions(model=model, stream=stream, max_tokens=200)
                request = DIALECTS[name].encode(f"Prompt {n}", options)
                found.records.append(call(connection, DIALECTS[name], request, record))
            connection.close()

        beside = gevent.spawn(keep_busy, load.hold_s, found.late_s)
        gevent.pool.Pool(load.users).map(user, range(load.users))
        beside.kill()
    found.truths = read_truths(log)
    return found


def keep_busy(hold_s: float, late_s: list[float]) -> None:
    """Hold the core most of the time, as decoding for many users would; note how late timers run."""
    while True:
        due_s = time.monotonic() + 0.002
        gevent.sleep(0.002)
        late_s.append(time.monotonic() - due_s)
        until_s = time.monotonic() + hold_s
        while time.monotonic() < until_s:
            pass


def described(findings: Findings, measured: Measured) -> str:
    """What a reader of the log wants to see; the figures are worth more than the bound."""
    errors_ms = sorted(abs(error_s) * 1000 for error_s in findings.errors_s)
    late_ms = sorted(late_s * 1000 for late_s in measured.late_s)
    return "; ".join(
        (
            f"{findings.calls} calls, {len(errors_ms)} times",
            f"outside their writes by p99 {p99(errors_ms):.3f}, max {errors_ms[-1]:.3f} ms",
            f"{findings.merged} of {findings.reads} reads had several writes",
            f"{findings.merged_first} of them had first tokens",
            f"sent to received p50 {median(findings.waits_s) * 1000:.3f} ms",
            f"our own timers late by p50 {median(late_ms):.1f}, p99 {p99(late_ms):.1f} ms",
        )
    )


def p99(ordered: list[float]) -> float:
    return ordered[len(ordered) * 99 // 100]


LOADS: Final = {"low load": Load(users=8, calls=6), "high load": Load(users=70, calls=2, hold_s=0.010)}
QUANTILES: Final = {"min": 0.0, "med": 0.5, "p(90)": 0.9, "p(99)": 0.99, "max": 1.0}


@pytest.fixture(scope="module", params=LOADS)
def measured(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Measured:
    """Calls at one of the loads, as many times as `--accuracy-rounds` says."""
    load, rounds = LOADS[request.param], request.config.getoption("--accuracy-rounds")
    load = Load(load.users, load.calls * rounds, load.hold_s)
    found = measure(load, tmp_path_factory.mktemp("truth") / "truth.jsonl")
    assert len(found.records) == load.users * load.calls
    return found


def test_every_figure_of_every_call_agrees_with_the_truth(measured: Measured) -> None:
    """Times within 0.5 ms of the write that brought them, and all counts to the last one."""
    findings = compare(measured.records, measured.truths)
    print(described(findings, measured))  # noqa: T201 - shown with -s
    assert findings.wrong == []
    assert max(abs(error_s) for error_s in findings.errors_s) <= BOUND_S


def test_a_request_counts_as_sent_when_it_leaves(measured: Measured) -> None:
    """Never after the server had it; and no earlier than that by more than it takes to wake the server.

    How long that takes is for the machine to say: its better moments are looked at.
    """
    findings = compare(measured.records, measured.truths)
    assert min(findings.waits_s) >= 0
    assert quantiles(findings.waits_s, n=10)[0] <= 0.002


def test_reported_percentiles_agree_with_the_truth(measured: Measured) -> None:
    """By way of collector, wire and merge: within 0.5 % and what a call's own times may be off by."""
    collector = Collector(min(record.intended_at_s for record in measured.records), width_s=1.0)
    true: dict[str, list[float]] = defaultdict(list)
    for record in measured.records:
        record.stage = "hold"
        collector.record(record)
        for name, values in true_values(record, measured.truths[record.response_id]).items():
            true[name] += values
    report = Measurements((StageSpan("hold", 0, 1000),))
    report.absorb(Delta.from_wire(collector.drain().to_wire()))
    wrong = []
    for name, values in true.items():
        values.sort()
        assert report.histogram(name, Selector()).count == len(values), name
        for shown, q in QUANTILES.items():
            found = report.histogram(name, Selector()).quantile(q)
            wanted = values[max(1, ceil(q * len(values) - 1e-9)) - 1]
            if found is None or abs(found - wanted) > 0.005 * wanted + 2 * BOUND_S + measured.longest_write_s:
                wrong.append(f"{name} {shown} is {found}, in truth {wanted}")
    assert wrong == []
    tokens = report.count("output_tokens", Selector()) - report.count("estimated_tokens", Selector())
    counted = [record for record in measured.records if not record.tokens_estimated]
    assert tokens == sum(measured.truths[record.response_id].output_tokens for record in counted)
    assert report.count("requests", Selector()) == len(measured.records)
