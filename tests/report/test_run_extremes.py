"""Run folders at the edges: all calls failed, one call, hundreds of error texts; each has every report."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from random import Random

from tokenswarm.metrics.call import CallRecord
from tokenswarm.report.summary import Summary
from tokenswarm.report.write import REPORTS

from .conftest import write_reports

RunMaker = Callable[..., Path]


def reported(folder: Path) -> Summary:
    summary = write_reports(folder)
    assert all((folder / name).stat().st_size for name in REPORTS)
    return summary


def test_a_run_in_which_every_call_failed(make_run: RunMaker) -> None:
    """It fails by that alone, and has no time of a success."""
    summary = reported(make_run(failing=lambda _at_s: 1.0))
    assert summary.verdict.exit_code == 99
    assert "succeeded; most failed with http_5xx" in summary.verdict.sentence
    assert not [spread for spread in summary.spreads if spread.metric == "latency"]
    assert summary.errors[0].share == 1.0


def test_a_run_of_one_call(make_run: RunMaker) -> None:
    """Every percentile is that call's, and lines that want more samples can't be judged."""
    summary = reported(make_run(scale=0.0001, slo=None, stopped_s=60.0, seed=12))
    total = next(total for total in summary.totals if total.metric == "requests")
    assert total.value <= 3
    for spread in summary.spreads:
        assert spread.min_ms is not None
        assert spread.max_ms is not None
        assert spread.min_ms <= (spread.p50_ms or 0) <= spread.max_ms


def test_hundreds_of_error_texts_are_bounded_and_none_is_lost_count_of(make_run: RunMaker) -> None:
    """Each failure has a text of its own; the rarest are told together, and their count is right."""
    numbers: Iterator[int] = count()

    def alter(record: CallRecord, _rng: Random) -> None:
        if record.outcome == "http_5xx":
            record.detail = f"trace {next(numbers)} of <b>tenant</b>"

    folder = make_run(failing=lambda _at_s: 0.9, alter=alter)
    summary = reported(folder)
    assert next(numbers) > 500
    assert sum(row.count for row in summary.errors) == next(numbers) - 1
    assert len((folder / "report.md").read_bytes()) < 60_000
    assert "<b>tenant" not in (folder / "report.html").read_text(encoding="utf-8")
