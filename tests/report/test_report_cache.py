"""What a cache made of a run, from its measurements to each report."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from tokenswarm.metrics.call import CallRecord
from tokenswarm.metrics.collector import Collector
from tokenswarm.metrics.judge import judge
from tokenswarm.metrics.measurements import Measurements
from tokenswarm.metrics.source import Aggregation, Selector, StageSpan
from tokenswarm.profile.cache import Cache
from tokenswarm.profile.threshold_lines import Section, thresholds_in
from tokenswarm.report import to_html, to_markdown, to_text
from tokenswarm.report.cache import CacheReport
from tokenswarm.report.measure_cache import cache_of
from tokenswarm.report.run_folder import read_run
from tokenswarm.report.run_lines import RunEvent
from tokenswarm.report.summarise import summarise_run

STAGES = (StageSpan("fill", 0, 5, is_warmup=True), StageSpan("hold", 5, 15))
CACHE = Cache(exact=60, varied=20, unique=20, expired=5, pool=10, start="warm", ttl="2s")
SENT = RunEvent(15.0, "prompts", {"sent": 14, "distinct": 9, "is_estimate": False})


def call(arm: str, cache: str, layer: str = "", took_s: float = 0.05, **fields: Any) -> CallRecord:
    record = CallRecord(6.0)
    record.started_at_s = record.sent_at_s = 6.0
    record.ended_at_s = 6.0 + took_s
    record.stage, record.status = "hold", 200
    record.cache_arm, record.cache, record.cache_layer = arm, cache, layer
    for name, value in fields.items():
        setattr(record, name, value)
    return record


def calls() -> Iterator[CallRecord]:
    yield call("exact", "miss", stage="fill")
    yield from (call("exact", "hit", "L1", took_s=0.000412) for _ in range(5))
    yield call("exact", "miss")
    yield from (call("varied", "hit", "L2", took_s=0.0015) for _ in range(2))
    yield call("varied", "hit", "L2", outcome="cache_mismatch")
    yield call("varied", "miss")
    yield from (call("unique", "miss") for _ in range(2))


def measured(records: Iterator[CallRecord], **counts: int) -> Measurements:
    collector = Collector(0.0, 1.0)
    for one in records:
        collector.record(one)
    for name, number in counts.items():
        collector.count(name, 1.0, "fill", number)
    measurements = Measurements(STAGES)
    measurements.absorb(collector.drain())
    return measurements


def told(cache: Cache | None = CACHE, sent: RunEvent | None = SENT) -> CacheReport:
    counts = {"pool_filled": 9, "hits_compared": 7, "hits_unknowable": 1}
    found = cache_of(measured(calls(), **counts), cache, sent)
    assert found is not None
    return found


def test_arms_have_their_hits_times_and_wrong_answers() -> None:
    """Of judged stages; a wrong hit is a hit all the same, and a failure."""
    rows = {row.name: row for row in told().arms}
    assert rows.keys() == {"exact", "varied", "unique"}
    assert (rows["exact"].count, rows["exact"].hit_rate) == (6, pytest.approx(5 / 6))
    assert (rows["varied"].count, rows["varied"].hit_rate, rows["varied"].mismatches) == (4, 0.75, 1)
    assert rows["unique"].hit_rate == 0
    assert rows["varied"].miss_p50_ms == pytest.approx(50, rel=0.01)


def test_layers_have_their_times_to_the_microsecond() -> None:
    """Hits first; a layer's times are those of right answers."""
    layers = told().layers
    assert [(row.name, row.count) for row in layers] == [("hit L1", 5), ("hit L2", 3), ("miss", 4)]
    assert layers[0].min_ms == pytest.approx(0.412, abs=0.001)
    assert layers[1].p50_ms == pytest.approx(1.5, rel=0.01)
    assert sum(row.share for row in layers) == pytest.approx(1)


def test_notes_say_what_the_figures_rest_on() -> None:
    """How unique prompts were, how warm the cache, and which hits could be compared."""
    assert told().notes == (
        "14 prompts were sent, 9 of them different: a uniqueness of 64.3%.",
        "Warm start: only 9 of 10 questions were asked before the judged stages.",
        "No answer was old enough to have expired: the run was shorter than the time to live.",
        "Hits compared with what providers had answered: 7, 1 of them wrong.",
        "Hits that could not be compared: 1; another worker, or a call in flight, may have got that answer.",
    )


def test_hits_are_shown_without_a_cache_profile_and_nothing_without_hits() -> None:
    """Any run may meet a cache; one that doesn't has nothing to say of it."""
    assert told(cache=None, sent=None).layers
    assert cache_of(measured(iter([call("", "miss")])), None, None) is None


@pytest.mark.parametrize(
    ("labels", "rate"), [({}, 8 / 12), ({"cache_arm": "exact"}, 5 / 6), ({"cache_arm": "unique"}, 0.0)]
)
def test_thresholds_can_ask_for_an_arm(labels: dict[str, str], rate: float) -> None:
    """An arm without any hit has a rate of 0 as long as others have some."""
    measurements = measured(calls())
    value = measurements.read("cache_hit_rate", Aggregation("rate"), Selector(labels)).value
    assert value == pytest.approx(rate)


def test_a_line_about_an_arm_that_nobody_asked_is_not_measured() -> None:
    """An SLO fits profiles with and without it; without `if_measured` it can't be judged."""
    lines = {
        "cache_hit_rate{cache_arm:expired}": ["< 5%", {"threshold": "< 5%", "if_measured": True}],
        "cache_hit_rate{cache_arm:unique}": [{"threshold": "< 5%", "if_measured": True}],
    }
    thresholds = thresholds_in(TypeAdapter(Section).validate_python(lines), "p")
    statuses = [result.status.value for result in judge(thresholds, measured(calls()))]
    assert statuses == ["inconclusive", "not_measured", "pass"]


def test_every_report_has_the_section(make_run: Callable[..., Path]) -> None:
    """With arms and layers, and microseconds in the text; its chart shows hits over time."""

    def ask(record: CallRecord, rng: Any) -> None:
        record.cache_arm = rng.choice(["exact", "unique"])
        is_hit = record.cache_arm == "exact"
        record.cache, record.cache_layer = ("hit", "L1") if is_hit else ("miss", "")
        if is_hit and record.is_success:
            record.ended_at_s = (record.sent_at_s or 0.0) + 0.000412

    profile = {
        "name": "cache",
        "stages": [
            {"name": "warm-up", "duration": "5s", "users": 10, "warmup": True},
            {"name": "climb", "duration": "15s", "users": 100},
            {"name": "hold", "duration": "30s", "users": 100},
            {"name": "recover", "duration": "10s", "users": 10},
        ],
        "cache": {"exact": 1, "unique": 1, "pool": 50},
    }
    events = ({"at_s": 60.0, "event": "prompts", "sent": 100, "distinct": 40, "is_estimate": True},)
    summary = summarise_run(read_run(make_run(alter=ask, profile=profile, events=events)))
    assert summary.cache is not None
    assert summary.timeline is not None
    assert [track.name for track in summary.timeline.of("cache")] == ["hits", "exact", "unique"]
    page, text = to_html.render(summary), to_text.render(summary)
    for shown in (page, text, to_markdown.render(summary)):
        assert "0.412" in shown
        assert "about 40 of them different" in shown
        assert "exact" in shown
    assert '<section id="cache" ' in page
    assert "By cache" not in text
    assert json.loads(json.dumps(summary.to_plain()))["cache"]["prompts"]["distinct"] == 40
