"""The LLM tab's rows: what was measured, in words that a person reads at a glance."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tokenswarm.exporters.live_table import COLUMNS, rows_of
from tokenswarm.metrics.standing import Standing


@pytest.fixture
def rows(standing: Callable[..., Standing]) -> dict[tuple[str, str], dict[str, str]]:
    return {(row["part"], row["name"]): row for row in rows_of(standing())}


def test_every_row_has_every_column(standing: Callable[..., Standing]) -> None:
    """Locust's table shows a hole otherwise."""
    keys = {key for key, _ in COLUMNS}
    assert all(set(row) == keys for row in rows_of(standing()))


def test_times_are_of_judged_calls_that_succeeded(rows: dict[tuple[str, str], dict[str, str]]) -> None:
    """Neither the failed call's 9 s nor the warm-up's are in them; what was not measured has no row."""
    latency = rows["Times", "latency"]
    assert (latency["samples"], latency["p99"]) == ("2", "200.0 ms")
    assert ("Times", "overhead") not in rows


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
