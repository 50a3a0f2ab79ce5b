"""The LLM tab's rows: what was measured, in words that a person reads at a glance."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tokenswarm.exporters.live_table import COLUMNS, rows_of
from tokenswarm.metrics.health_limits import LATE_TIMERS, LIMITS
from tokenswarm.metrics.measurements import Measurements
from tokenswarm.metrics.series import Delta, Labels, Series, SeriesKey
from tokenswarm.metrics.standing import ENDED, Standing, WorkerStanding

from .conftest import STAGES, histogram


@pytest.fixture
def rows(standing: Callable[..., Standing]) -> dict[tuple[str, str], dict[str, str]]:
    return {(row["part"], row["what"]): row for row in rows_of(standing())}


def test_every_row_has_every_column(standing: Callable[..., Standing]) -> None:
    """Locust's table shows a hole otherwise."""
    keys = {key for key, _ in COLUMNS}
    assert all(set(row) == keys for row in rows_of(standing()))


def test_the_run_says_how_far_it_is_while_it_goes(standing: Callable[..., Standing]) -> None:
    """Of how much, unless calls in flight outlast it; nothing that goes on counting after its end."""

    def said(**changed: object) -> str:
        return rows_of(standing(total_s=10.0, **changed))[0]["so_far"]

    assert said(elapsed_s=6.2) == "6 of 10 s"
    assert said(elapsed_s=12.0) == "12 s"
    assert said(elapsed_s=500.0, state=ENDED) == ""


def test_the_page_cannot_sort_the_parts_apart() -> None:
    """Locust's page sorts by what is called `name`."""
    assert "name" not in {key for key, _ in COLUMNS}


def test_times_are_of_judged_calls_that_succeeded(rows: dict[tuple[str, str], dict[str, str]]) -> None:
    """Neither the failed call's 9 s nor the warm-up's are in them; what was not measured has no row."""
    latency = rows["Times", "latency"]
    assert (latency["samples"], latency["p99"]) == ("2", "200.0\N{NO-BREAK SPACE}ms")
    assert ("Times", "overhead") not in rows


def test_traffic_is_shown_now_and_over_the_judged_time(standing: Callable[..., Standing]) -> None:
    """Three calls in the 25 s since the warm-up; what is of the last seconds goes with the run's end."""

    def row(name: str, **changed: object) -> tuple[str, str]:
        found = next(row for row in rows_of(standing(**changed)) if row["what"] == name)
        return found["now"].replace("\N{NO-BREAK SPACE}", " "), found["so_far"].replace(
            "\N{NO-BREAK SPACE}", " "
        )

    assert row("request_rate") == ("0.0 calls/s", "0.1 calls/s")
    assert row("output_tokens_rate") == ("0.0 tokens/s", "1.2 tokens/s")
    assert row("request_rate", state=ENDED) == ("", "0.1 calls/s")
    assert row("request_rate", elapsed_s=3.0) == ("0.0 calls/s", "")


def test_errors_are_by_class(rows: dict[tuple[str, str], dict[str, str]]) -> None:
    """Only those that happened."""
    assert {name: row["samples"] for (part, name), row in rows.items() if part == "Errors"} == {
        "http_5xx": "1"
    }


def test_thresholds_say_how_they_stand(rows: dict[tuple[str, str], dict[str, str]]) -> None:
    """Holds, broken, or not known yet."""
    states = {name: row["state"] for (part, name), row in rows.items() if part == "Thresholds"}
    assert states == {
        "latency: p(50) < 150ms": "holds",
        "error_rate: < 1%": "BROKEN",
        "overhead: p(50) < 1ms": "not known yet",
    }


def test_load_generators_say_whether_they_keep_up(rows: dict[tuple[str, str], dict[str, str]]) -> None:
    """And who is lost."""
    assert rows["Load generator", "worker-1"]["state"] == "ok"
    assert rows["Load generator", "worker-2"]["state"] == "LOST"
    assert rows["Load generator", "lag"]["samples"] == "1"


def test_a_busy_load_generator_is_told_by_the_limits_of_the_report(
    standing: Callable[..., Standing],
) -> None:
    """Warning and bad begin where the verdict's do; what is late is said, but not after one hiccup."""
    peak, busy = LIMITS["generator_cpu_peak"].value, LIMITS["generator_cpu"].value
    cores = {"idle": peak - 0.01, "peak": peak, "most": busy - 0.01, "busy": busy}
    workers = tuple(WorkerStanding(name, value, 1, 0, is_lost=False) for name, value in cores.items())
    states = {row["what"]: row["state"] for row in rows_of(standing(workers=workers))}
    assert {name: states[name] for name in cores} == {
        "idle": "ok",
        "peak": "nearly too busy",
        "most": "nearly too busy",
        "busy": "too busy",
    }
    assert states["lag"] == "ok"
    for hiccups, state in ((LATE_TIMERS - 1, "ok"), (LATE_TIMERS, "too late")):
        totals = Measurements(STAGES, 1e9)
        late = histogram(*[0.001] * 10, *[1.0] * hiccups)
        totals.absorb(Delta(1.0, {SeriesKey(6, "hold", Labels()): Series({}, {"generator_lag": late})}))
        states = {row["what"]: row["state"] for row in rows_of(standing(totals=totals))}
        assert states["lag"] == state


def test_what_monitors_read_is_a_part_of_its_own(monitored: Standing) -> None:
    """With units that people read; who can't be read is said."""
    rows = {row["what"]: row for row in rows_of(monitored) if row["part"] == "Target"}
    assert rows["target_memory"]["now"] == "512MB"
    assert rows["target_cpu"]["now"] == "25%"
    assert (rows["target_requests"]["now"], rows["target_requests"]["so_far"]) == ("4/s", "40")
    assert rows["target_cache_hit_rate"]["so_far"] == "75.00%"
    assert rows["target_logged_ms"]["p99"] == "200.0\N{NO-BREAK SPACE}ms"
    assert rows["redis redis://h:1: Connection refused"]["state"] == "NOT READ"
    states = {row["what"]: row["state"] for row in rows_of(monitored) if row["part"] == "Thresholds"}
    assert states == {"target_memory: max < 1GB": "holds", "target_cache_hit_rate: > 80%": "BROKEN"}


def test_without_monitors_there_is_no_such_part(rows: dict[tuple[str, str], dict[str, str]]) -> None:
    """Nothing is known of the target."""
    assert not [name for part, name in rows if part == "Target"]
