"""What workers report, added up where the test is run from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tokenswarm.metrics.delta_bounds import DeltaError
from tokenswarm.metrics.histogram import Histogram
from tokenswarm.metrics.series import Delta, Fault, FaultKey, Labels, Series, SeriesKey
from tokenswarm.metrics.source import Aggregation, Selector, StageSpan
from tokenswarm.metrics.threshold_grammar import parse_expression, parse_subject
from tokenswarm.metrics.thresholds import Level, Status, Threshold
from tokenswarm.swarm.abort_watch import AbortWatch
from tokenswarm.swarm.merge import DELTA, Merge
from tokenswarm.swarm.recorder import Recorder

STAGES = (StageSpan("hold", 0, 600),)
ALL = Selector()


def report(interval: int, *, latency_s: float = 0.1, width_s: float = 1.0) -> Delta:
    """Ten calls, one of them failed."""
    histogram = Histogram()
    histogram.fold([latency_s] * 9)
    series = {
        SeriesKey(interval, "hold", Labels(outcome="success")): Series({"calls": 9}, {"latency": histogram}),
        SeriesKey(interval, "hold", Labels(outcome="connect")): Series({"calls": 1}),
    }
    return Delta(width_s, series, {FaultKey("connect", 0, "refused"): Fault(1, interval, interval)})


def test_every_report_is_in_totals_display_folder_and_watch(tmp_path: Path) -> None:
    """Also those that arrived within one moment, or with another width."""
    level = Level("threshold", parse_expression("p(95) < 200ms"), Status.FAIL)
    watch = AbortWatch((Threshold(parse_subject("latency"), (level,), abort=True),), STAGES, 1.0)
    recorder = Recorder(tmp_path)
    merge = Merge(STAGES, recorder, watch)
    for i in range(100):
        merge.absorb(report(i // 50), 1 + i / 50)
    merge.absorb(report(1, latency_s=0.3, width_s=2.0), 3.1)
    assert merge.recent(3.2).read("requests", Aggregation("count"), ALL).value == 1010
    totals = merge.totals
    assert totals.count("requests", ALL) == 1010
    assert totals.histogram("latency", ALL).count == 909
    assert sum(fault.count for fault in totals.faults.values()) == 101
    assert watch.broken_line(4.0) is None
    recorder.close()
    lines = [json.loads(line) for line in (tmp_path / "intervals.jsonl").read_text().splitlines()]
    assert [line["width_s"] for line in lines] == [1.0, 2.0]
    calls = [series["counts"]["calls"] for line in lines for series in line["series"]]
    assert sorted(calls) == [1, 9, 50, 50, 450, 450]


def test_a_report_is_not_changed_by_being_added_up() -> None:
    """It is its sender's."""
    merge, delta = Merge(STAGES), report(0)
    merge.absorb(delta, 1.0)
    merge.absorb(report(0), 1.0)
    assert merge.totals.count("requests", ALL) == 20
    assert [series.counts["calls"] for series in delta.series.values()] == [9, 1]
    assert [h.count for series in delta.series.values() for h in series.values.values()] == [9]


def test_a_report_that_cannot_be_read_is_refused_with_the_reason() -> None:
    """Of another version, cut off, or of a time that has not come: the caller counts it and goes on."""
    merge, wire = Merge(STAGES), report(3).to_wire()
    assert merge.read_report({}) is None
    for bad in ({}, {**wire, "histograms": wire["histograms"][:-1]}, {**wire, "series": [1]}):
        with pytest.raises(DeltaError):
            merge.read_report({DELTA: bad})
    with pytest.raises(DeltaError, match="interval 3"):
        merge.read_report({DELTA: wire}, latest_s=2.9)
    assert merge.read_report({DELTA: wire}, latest_s=3.0) is not None
