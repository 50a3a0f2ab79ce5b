"""Pages of metrics, from bytes to growth: what real exporters write, and what only looks like it."""

from __future__ import annotations

import math

import pytest

from tokenswarm.monitors.exposition import parse_page
from tokenswarm.monitors.growth import increase, matching, spread_between

PAGE = b"""\
# HELP calls_total Calls, with a "quote" and {braces} in the help.
# TYPE calls_total counter
calls_total{model="a",path="C:\\\\x\\n\\"q\\" }"} 3 1700000000000
calls_total { model = "b" , } 4
callsomething_total 99
# TYPE queue gauge
queue 7.5e1
# TYPE took_ms histogram
took_ms_bucket{le="10"} 4
took_ms_bucket{le="100.0"} 10 # {trace_id="x"} 90 1700000000.0
took_ms_bucket{le="+Inf"} 11
took_ms_sum 500
took_ms_count 11
queue_size 1
calls_total{model="broken 5
calls_total{model="c"}
odd NaN
"""
WANTED = ("calls_total", "queue", "took_ms", "odd")


def test_wanted_families_are_read_and_nothing_else() -> None:
    """Labels with every escape, blanks, timestamps and exemplars; lines that are cut off are counted."""
    page = parse_page(PAGE, WANTED)
    assert set(page.families) == {"calls", "queue", "took_ms", "odd"}
    calls, queue, took = page.get("calls_total"), page.get("queue"), page.get("took_ms")
    assert calls is not None
    assert queue is not None
    assert took is not None
    assert (calls.kind, queue.kind, took.kind) == ("counter", "gauge", "histogram")
    assert calls.samples[""] == {
        (("model", "a"), ("path", 'C:\\x\n"q" }')): 3.0,
        (("model", "b"),): 4.0,
    }
    assert queue.samples[""] == {(): 75.0}
    assert took.samples["_count"] == {(): 11.0}
    assert len(took.samples["_bucket"]) == 3
    assert page.bad_lines == 2


@pytest.mark.parametrize("asked", ["calls", "calls_total"])
@pytest.mark.parametrize("written", [b"calls 5\n", b"calls_total 5\n", b"calls_total 5\r\n"])
def test_total_may_be_there_or_not(asked: str, written: bytes) -> None:
    """OpenMetrics names a counter without it, and gateways differ in what they write."""
    family = parse_page(written, (asked,)).get(asked)
    assert family is not None
    assert family.samples[""] == {(): 5.0}


@pytest.mark.parametrize(
    "rubbish",
    [b"", b"\xff\xfe\x00", b"<html>calls</html>", b"calls_total{", b"calls_total 1e", b"#\n# TYPE\n"],
)
def test_a_page_that_is_none_has_no_families(rubbish: bytes) -> None:
    """Whatever a wrong URL answers, there is no error and no figure."""
    assert parse_page(rubbish, WANTED).get("calls_total") is None


def test_growth_bears_restarts_and_new_series() -> None:
    """A counter that is less than before began anew at 0, and so did one that is new; NaN is none."""
    before = {(("m", "a"),): 100.0, (("m", "b"),): 50.0}
    now = {(("m", "a"),): 110.0, (("m", "b"),): 5.0, (("m", "c"),): 2.0, (("m", "d"),): math.nan}
    assert increase(before, now) == 10 + 5 + 2


def test_labels_select_series() -> None:
    """`labels:` of a target file is a subset of what a series has."""
    series = {(("tier", "l1"), ("zone", "x")): 1.0, (("tier", "l2"),): 2.0}
    assert matching(series, {"tier": "l1"}) == {(("tier", "l1"), ("zone", "x")): 1.0}
    assert matching(series, {}) == series


def buckets(*counts: int, total: float) -> bytes:
    lines = [
        f'took_ms_bucket{{le="{le}"}} {count}' for le, count in zip((10, 100, "+Inf"), counts, strict=True)
    ]
    return "\n".join((*lines, f"took_ms_sum {total}", f"took_ms_count {counts[-1]}\n")).encode()


def test_a_histogram_tells_the_calls_between_two_readings() -> None:
    """Even within a bucket, on the last bound beyond it; the sum is exact; after a restart all is new."""
    before = parse_page(buckets(100, 200, 200, total=9000), ("took_ms",)).get("took_ms")
    now = parse_page(buckets(104, 214, 216, total=9700), ("took_ms",)).get("took_ms")
    assert now is not None
    spread = spread_between(before, now, {}, 1e-3)
    assert spread.count == 16
    assert spread.total == pytest.approx(0.7)
    assert sum(n for value, n in spread.values.items() if value <= 0.01) == 4
    assert sum(n for value, n in spread.values.items() if 0.01 < value < 0.1) == 10
    assert spread.values[0.1] == 2
    anew = parse_page(buckets(1, 2, 3, total=40), ("took_ms",)).get("took_ms")
    assert anew is not None
    assert spread_between(now, anew, {}, 1e-3).count == 3
