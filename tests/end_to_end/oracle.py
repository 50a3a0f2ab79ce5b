"""Holds call records against what the mock's truth log says of the very same calls.

    the mock notes the time    writes    notes it again
           from_s ──────────────┬───────────── to_s          a read that brought the write has a time in here

Both processes use one monotonic clock, and over loopback bytes are in the client's socket before the write
returns. So a time outside of it is the client's error, however late the machine let either of them run.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from tokenswarm.metrics.call import CallRecord
from tokenswarm.mock.truth_log import Truth, Write

# Of times that were stamped by the kernel: its clock is another one, known to 0.2 ms at any moment.
BOUND_S: Final = 0.0005


@dataclass
class Findings:
    """What was compared, and what was wrong."""

    calls: int = 0
    reads: int = 0
    merged: int = 0  # reads that brought several writes at once
    merged_first: int = 0  # calls whose first token came in one of those
    errors_s: list[float] = field(default_factory=list)  # by how much times lie outside of their writes
    waits_s: list[float] = field(default_factory=list)  # our "sent" to the mock's "received"
    wrong: list[str] = field(default_factory=list)

    def expect(self, truth: Truth, name: str, found: object, wanted: object) -> None:
        """Note it if they differ."""
        if found != wanted:
            self.wrong.append(f"{truth.id}: {name} is {found}, in truth {wanted}")

    def expect_near(
        self, truth: Truth, name: str, found_s: float | None, low_s: float, high_s: float
    ) -> None:
        """Note it if a duration is further than the bound from what it can be in truth."""
        if found_s is None or not low_s - 2 * BOUND_S <= found_s <= high_s + 2 * BOUND_S:
            self.wrong.append(f"{truth.id}: {name} is {found_s}, in truth {low_s:.6f} to {high_s:.6f}")


def compare(records: list[CallRecord], truths: dict[str, Truth]) -> Findings:
    """Every figure of every record."""
    findings = Findings()
    for record in records:
        _compare_one(record, truths[record.response_id], findings)
    return findings


def _compare_one(record: CallRecord, truth: Truth, findings: Findings) -> None:
    assert record.sent_at_s is not None
    assert record.ended_at_s is not None
    findings.calls += 1
    findings.waits_s.append(truth.received_s - record.sent_at_s)
    expect = findings.expect
    expect(truth, "outcome", record.outcome, "success")
    expect(truth, "chunks", record.chunks, truth.chunks if record.stream else 1)
    if not record.tokens_estimated:
        expect(truth, "output_tokens", record.output_tokens, truth.output_tokens)
    # The answer's end, and its last content with it, is the last write, whose end is the call's.
    began_s = truth.writes[-1].from_s if truth.writes else truth.received_s
    findings.errors_s.append(_outside_s(record.ended_at_s, Write(began_s, truth.ended_s, 0)))
    findings.expect_near(
        truth, "latency", record.latency_s, began_s - record.sent_at_s, truth.ended_s - record.sent_at_s
    )
    if record.stream:
        _compare_reads(record, truth, findings)


def _compare_reads(record: CallRecord, truth: Truth, findings: Findings) -> None:
    """Every read ends with some write; which one its time says."""
    writes = truth.writes
    last = last_writes(record, truth)
    findings.expect(truth, "the writes that reads end with", last, sorted(set(last)))
    findings.expect(truth, "the last of them", last[-1], len(writes) - 1)
    findings.reads += len(last)
    together = 0
    for before, write in pairwise([-1, *last]):
        chunks = sum(one.chunks for one in writes[before + 1 : write + 1])
        together += chunks if chunks > 1 else 0
        findings.merged += write - before > 1
    findings.merged_first += last[0] > 0
    findings.errors_s += [
        _outside_s(at_s, writes[index]) for at_s, index in zip(record.content_at_s, last, strict=True)
    ]
    ends = [writes[index] for index in last]
    _compare_durations(record, truth, ends, findings)
    findings.expect(truth, "burst_ratio", record.burst_ratio, together / truth.chunks)
    findings.expect(truth, "number of gaps", len(record.gaps_s), len(last) - 1)
    if truth.first_output is not None and record.sent_at_s is not None:
        first = next(writes[index] for index in last if index >= truth.first_output)
        sent_s = record.sent_at_s
        findings.expect_near(truth, "ttfo", record.ttfo_s, first.from_s - sent_s, first.to_s - sent_s)


def _compare_durations(record: CallRecord, truth: Truth, ends: list[Write], findings: Findings) -> None:
    """TTFT, TPOT, each gap and the longest."""
    assert record.sent_at_s is not None
    sent_s, near = record.sent_at_s, findings.expect_near
    near(truth, "ttft", record.ttft_s, ends[0].from_s - sent_s, ends[0].to_s - sent_s)
    least_s = [max(0.0, later.from_s - earlier.to_s) for earlier, later in pairwise(ends)]
    most_s = [later.to_s - earlier.from_s for earlier, later in pairwise(ends)]
    for gap_s, low_s, high_s in zip(record.gaps_s, least_s, most_s, strict=True):
        near(truth, "icl", gap_s, low_s, high_s)
    if not least_s:
        findings.expect(truth, "tpot", record.tpot_s, None)
        return
    near(truth, "max_gap", max(record.gaps_s), max(least_s), max(most_s))
    if record.tokens_estimated:
        findings.expect(truth, "tpot", record.tpot_s, None)
        return
    # Its bound is a share of a time's, as it is a share of the span.
    span_s = None if record.tpot_s is None else record.tpot_s * (truth.output_tokens - 1)
    near(truth, "tpot × spaces", span_s, ends[-1].from_s - ends[0].to_s, ends[-1].to_s - ends[0].from_s)


def last_writes(record: CallRecord, truth: Truth) -> list[int]:
    """Which write each of its reads ended with."""
    return [_write_at(at_s, truth.writes) for at_s in record.content_at_s]


def true_values(record: CallRecord, truth: Truth) -> dict[str, list[float]]:
    """What a report's histograms should hold of this call, in seconds, if writes took no time."""
    assert record.sent_at_s is not None
    sent_s = record.sent_at_s
    values = {"latency": [truth.ended_s - sent_s]}
    if not record.stream:
        return values
    last = last_writes(record, truth)
    ends_s = [truth.writes[index].to_s for index in last]
    values["ttft"] = [ends_s[0] - sent_s]
    values["icl"] = [later - earlier for earlier, later in pairwise(ends_s)]
    if truth.first_output is not None:
        values["ttfo"] = [truth.writes[next(i for i in last if i >= truth.first_output)].to_s - sent_s]
    if len(ends_s) > 1:
        values["max_gap"] = [max(values["icl"])]
        if not record.tokens_estimated:
            values["tpot"] = [(ends_s[-1] - ends_s[0]) / (truth.output_tokens - 1)]
    return values


def _write_at(at_s: float, writes: tuple[Write, ...]) -> int:
    """The write that a read of this time ended with: the one that its time lies in, or is nearest to."""
    return min(range(len(writes)), key=lambda index: abs(_outside_s(at_s, writes[index])))


def _outside_s(at_s: float, write: Write) -> float:
    """How far a time lies before (negative) or after the write; 0 if it is within."""
    return min(0.0, at_s - write.from_s) + max(0.0, at_s - write.to_s)
