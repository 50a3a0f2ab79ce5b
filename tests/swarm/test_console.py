"""What the live display counts."""

from __future__ import annotations

import pytest

from tokenswarm.metrics.call import CallRecord
from tokenswarm.metrics.collector import Collector
from tokenswarm.profile.schema import Profile
from tokenswarm.profile.target import Target
from tokenswarm.swarm.console import Glance
from tokenswarm.swarm.merge import Merge
from tokenswarm.swarm.plan import RunPlan

PLAN = RunPlan(
    "chat",
    Profile.from_resolved({"name": "p", "stages": [{"name": "hold", "duration": "10s", "users": 1}]}),
    Target(name="t", url="http://127.0.0.1:1", model="m"),
    {},
    1,
    "run",
)


def glance(*outcomes: str) -> Glance:
    """The display three seconds into a run whose calls ended so."""
    collector = Collector(0.0, 1.0)
    for outcome in outcomes:
        record = CallRecord(1.0)
        record.sent_at_s, record.ended_at_s = 1.0, 2.0
        record.stage, record.outcome = "hold", outcome
        collector.record(record)
    merge = Merge(PLAN.stage_spans(), None)
    merge.absorb(collector.drain(), 2.5)
    return Glance.take(PLAN, 3.0, 1, merge, is_stopping=False)


def test_expected_refusals_are_calls_and_no_failures() -> None:
    """Those that we cut off ourselves are neither."""
    shown = glance("success", "success", "expected", "rate_limited", "http_5xx", "http_5xx", "interrupted")
    assert (shown.calls, shown.failed) == (6, 3)
    assert list(shown.errors) == [("http_5xx", 2), ("rate_limited", 1)]
    assert shown.calls_per_s == pytest.approx(2)


def test_the_line_shows_what_is_known() -> None:
    """A dash where nothing was measured."""
    line = glance("success").line()
    assert "hold" in line
    assert "latency p95 1000 ms" in line
    assert "TTFT p95 –" in line
    assert line.endswith("0 failed of 1")
