"""`tokenswarm compare` and `--baseline` as a CI job runs them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.end_to_end

GOLDEN = Path(__file__).parents[1] / "golden" / "report"


def test_compare_fails_a_job_where_a_run_got_slower(start: Callable, tmp_path: Path) -> None:
    """Exit 99, with a comment for the pull request; the earlier run is a summary.json by itself."""
    plain = json.loads((GOLDEN / "incident.json").read_text("utf-8"))
    for spread in plain["spreads"]:
        spread["p95_ms"] *= 1.5
    slower, comment = tmp_path / "slower.json", tmp_path / "comment.md"
    slower.write_text(json.dumps(plain))
    done = start("compare", str(GOLDEN / "incident.json"), str(slower), "--output", str(comment)).wait()
    assert done.code == 99, done.out + done.err
    assert "REGRESSED: 2 of 5 limits exceeded: " in done.said
    assert "latency:p95 +50.0% (818 ms → 1,228 ms, limit +25%)" in done.said
    assert comment.read_text("utf-8").startswith("# ❌")
    assert "Traceback" not in done.err


def test_a_baseline_is_read_before_any_load(start: Callable) -> None:
    """A mistake in its name mustn't cost a run."""
    done = start("run", "smoke", "--baseline", "no/such/run").wait()
    assert done.code == 104
    assert "no/such/run: no such run" in done.err
    assert not done.reports.exists()
