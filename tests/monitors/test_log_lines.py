"""A target's log, from appended bytes to counts and times."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from tokenswarm.monitors.log import LogReader
from tokenswarm.monitors.log_lines import LineRule, LineSplitter, look
from tokenswarm.monitors.reader import Found, MonitorError
from tokenswarm.monitors.spec import LogSpec, LogValue

LATENCY = r"Request completed.* total_latency_ms=(\d+)"
LINES = [
    b"2026-01-01 INFO Request completed id=1 total_latency_ms=120 cached=false",
    b"2026-01-01 INFO Request started total_latency_ms=999",
    b"2026-01-01 ERROR upstream gone",
    b"2026-01-01 INFO Request completed id=2 total_latency_ms=120 cached=true tokens=40",
    b"\xff\xfe binary \x00 rubbish",
]


def rule(name: str, pattern: str, factor: float = 1.0) -> LineRule:
    return LineRule(name, re.compile(pattern.encode()), factor)


def test_rules_feed_times_counters_and_gauges() -> None:
    """A time is each number, a counter lines or the sum of numbers, a gauge the last number."""
    found = look(
        LINES,
        (
            rule("target_latency", LATENCY, 1e-3),
            rule("target_errors_total", "ERROR"),
            rule("target_panics_total", "PANIC"),
            rule("target_tokens", r"tokens=(\d+)"),
            rule("target_last_id", r"id=(\d+)"),
            rule("target_cached_total", "cached=(.+?)( |$)"),
        ),
    )
    assert found.times == {"target_latency": Counter({0.12: 2})}
    assert found.counted["target_errors_total"] == 1
    assert found.counted["target_panics_total"] == 0
    assert found.counted["target_tokens"] == 40
    assert found.gauges == {"target_last_id": 2.0}
    assert found.bad == Counter({"target_cached_total": 2})


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_lines_are_whole_however_they_arrive(size: int) -> None:
    """Cut at any byte, with either end of line; the half one waits."""
    data, splitter = b"one\ntwo\r\n\nthree", LineSplitter()
    pieces = [data[i : i + size] for i in range(0, len(data), size)]
    lines = [line for piece in pieces for line in splitter.feed(piece)]
    assert lines == [b"one", b"two", b""]
    assert splitter.feed(b"!\n") == [b"three!"]


def test_an_endless_line_is_looked_at_once_and_takes_no_memory() -> None:
    """A megabyte without an end: its beginning is a line, the rest is none."""
    splitter = LineSplitter()
    lines = [line for _ in range(16) for line in splitter.feed(b"x" * 65_536)]
    assert sum(map(len, lines)) <= 2 * 65_536
    assert splitter.feed(b"tail\nnext\n") == [b"next"]


def counts(found: Found) -> dict[str, float]:
    return {point.name: point.value for point in found.points}


def test_a_log_is_followed_from_its_end_over_rotation_and_truncation(tmp_path: Path) -> None:
    """What was there before is another run's; no line of a file that is moved away or cut is lost."""
    file = tmp_path / "app.log"
    file.write_text("ERROR old, ms=5\n")
    rules = {"target_errors_total": LogValue("ERROR"), "target_old_ms": LogValue(r"ms=(\d+)", 1e-3)}
    reader = LogReader(LogSpec(str(file), rules))
    first = reader.read()
    assert (counts(first), first.times) == ({"target_errors_total": 0}, [])
    with file.open("a") as log:
        log.write("ERROR 1\nINFO\nERROR 2\nERR")
    assert counts(reader.read()) == {"target_errors_total": 2}
    with file.open("a") as log:
        log.write("OR 3\n")
    file.rename(tmp_path / "app.log.1")
    file.write_text("ERROR 4\nERROR 5\n")
    assert counts(reader.read()) == {"target_errors_total": 3}
    file.write_text("ERROR 6\n")
    assert counts(reader.read()) == {"target_errors_total": 1}
    reader.close()


def test_a_log_that_comes_later_is_read_from_its_beginning(tmp_path: Path) -> None:
    """It can't be read at first, which is said; all of it is of this run."""
    file = tmp_path / "late.log"
    reader = LogReader(LogSpec(str(file), {"target_latency": LogValue(LATENCY, 1e-3)}))
    with pytest.raises(MonitorError, match="No such file"):
        reader.read()
    file.write_bytes(b"\n".join(LINES) + b"\n")
    (times,) = reader.read().times
    assert times.values == {0.12: 2}
    assert reader.unseen() == ()
    reader.close()
