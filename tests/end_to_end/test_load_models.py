"""Open arrivals, counted stages, aborts and expected answers, with a real Locust and a real target."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.end_to_end
WORKERS = pytest.mark.parametrize("workers", [(), ("--workers", "2")], ids=["one process", "two workers"])
QUICK_MOCK = "mock;ttft=5;itl=0;tokens=2"


def counts_of(done: Any) -> Counter[str]:
    """All counters of the run, added up."""
    counts: Counter[str] = Counter()
    for line in (done.folder / "intervals.jsonl").read_text().splitlines():
        for series in json.loads(line)["series"]:
            counts.update(
                {name: int(count) for name, count in series["counts"].items() if "cost" not in name}
            )
            if "outcome" in series["labels"]:
                counts[series["labels"]["outcome"]] += int(series["counts"]["calls"])
    return counts


@pytest.fixture
def profile(tmp_path: Path) -> Callable[[str], str]:
    """Writes a profile; returns its path."""

    def write(text: str) -> str:
        file = tmp_path / "own.yaml"
        file.write_text(text)
        return str(file)

    return write


@WORKERS
def test_open_arrivals_start_exactly_the_calls_of_the_schedule(
    tokenswarm: Callable[..., Any], profile: Callable[[str], str], workers: tuple[str, ...]
) -> None:
    """50 + 3 × 100 calls, however many processes share them, and not one more or less reaches the target."""
    text = (
        "arrivals: constant\nmax_in_flight: 100\nstages:\n"
        "  - {name: warm-up, requests: 50, rate: 100, warmup: true}\n"
        "  - {name: hold, duration: 3s, rate: 100}\n"
    )
    done = tokenswarm("run", profile(text), "--model", QUICK_MOCK, *workers)
    counts = counts_of(done)
    assert counts["planned_starts"] == 350, done.err
    assert counts["dropped_starts"] == 0
    assert done.counted() == done.run["mock"]["received"] == 350


def test_starts_beyond_max_in_flight_are_dropped_and_counted(
    start: Callable[..., Any], profile: Callable[[str], str]
) -> None:
    """Two in flight at 500 ms each can start 4 calls a second; the other arrivals don't wait in a queue."""
    text = "arrivals: constant\nmax_in_flight: 2\nstages: [{name: hold, duration: 3s, rate: 50}]\n"
    done = start("run", profile(text), "--model", "mock;ttft=500;itl=0;tokens=1").wait()
    counts = counts_of(done)
    assert counts["planned_starts"] == 150
    assert counts["planned_starts"] == counts["dropped_starts"] + done.run["mock"]["received"]
    assert counts["dropped_starts"] > 100
    assert "warning: max_in_flight: 2 is too few: 50 calls/s × " in done.err
    assert done.code == 111, done.out
    assert "dropped" in done.out


@WORKERS
def test_a_counted_stage_makes_exactly_its_calls(
    tokenswarm: Callable[..., Any], profile: Callable[[str], str], workers: tuple[str, ...]
) -> None:
    """`ab -n 203 -c 10`: the run ends with the last call, long before the stage's longest time."""
    text = "stages: [{name: calls, requests: 203, users: 10}]\n"
    done = tokenswarm("run", profile(text), "--model", QUICK_MOCK, *workers)
    assert done.counted() == done.run["mock"]["received"] == 203, done.err
    assert done.run["state"] == "finished"
    assert done.code == 0, done.out


@WORKERS
def test_an_aborting_threshold_ends_the_run(
    tokenswarm: Callable[..., Any], profile: Callable[[str], str], workers: tuple[str, ...]
) -> None:
    """A minute was planned; the run ends in seconds, fails, and names the line."""
    text = (
        "stages: [{name: hold, duration: 60s, users: 10}]\nthink_time: 20ms\n"
        "thresholds: {error_rate: [{threshold: '< 1%', abort: true, min_samples: 20}]}\n"
    )
    done = tokenswarm("run", profile(text), "--model", QUICK_MOCK + ";status=500;error_rate=0.5", *workers)
    (stopped,) = done.events("stopped")
    assert stopped["reason"] == "aborted"
    assert stopped["at_s"] < 30
    assert done.code == 99, done.out
    assert "error_rate" in done.out
    assert done.counted() == done.run["mock"]["received"]


def test_expected_refusals_are_no_failures_and_checks_report_their_share(
    tokenswarm: Callable[..., Any], profile: Callable[[str], str]
) -> None:
    """Status 200 or 429 is right; a path that exists, and one that doesn't."""
    text = (
        "stages: [{name: hold, duration: 2s, users: 5}]\nthink_time: 10ms\nstreaming: false\n"
        "expect: {status: [200, 429], json: [usage.total_tokens, metadata]}\n"
        "thresholds: {error_rate: '< 1%'}\n"
    )
    model = QUICK_MOCK + ";status=429;error_rate=0.3;metadata=0"
    done = tokenswarm("run", profile(text), "--model", model)
    counts = counts_of(done)
    assert done.code == 0, done.out
    assert counts["expected"] > 0
    assert counts["check_met/status is 200 or 429"] == done.counted()
    assert counts["check_met/has usage.total_tokens"] == counts["success"] > 0
    assert counts["check_asked/has metadata"] == counts["success"]
    assert counts["check_met/has metadata"] == 0


def test_edge_004_finds_the_metadata_of_the_embedded_mock(tokenswarm: Callable[..., Any]) -> None:
    """Each answer has it; how fast the answers are is for the machine to say."""
    done = tokenswarm("run", "edge-004", "--time-scale", "0.02")
    counts = counts_of(done)
    assert counts["check_met/has metadata"] == counts["check_asked/has metadata"] == done.counted() > 0


def test_an_honoured_rate_limit_is_waited_for_and_tried_again(
    tokenswarm: Callable[..., Any], profile: Callable[[str], str]
) -> None:
    """Attempts and calls are told apart: together they are what the target received."""
    text = (
        "stages: [{name: hold, duration: 4s, users: 5}]\nthink_time: 10ms\nrate_limits: honour\n"
        "thresholds: {error_rate: '< 5%'}\n"
    )
    done = tokenswarm("run", profile(text), "--model", QUICK_MOCK + ";status=429;error_rate=0.2")
    counts = counts_of(done)
    assert counts["retries"] > 0
    assert done.counted() + counts["retries"] == done.run["mock"]["received"]
    assert "INVALID" not in done.out
