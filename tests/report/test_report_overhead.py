"""Reports of what a gateway adds: three ways side by side, where the time goes, how streams change."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tokenswarm.metrics.call import CallRecord
from tokenswarm.report import to_html, to_json, to_markdown, to_text
from tokenswarm.report.measure_overhead import overhead_of
from tokenswarm.report.overhead import BreakdownRow, Overhead
from tokenswarm.report.run_folder import Run, read_run
from tokenswarm.report.summarise import summarise_run

RunMaker = Callable[..., Path]
ADDED_S = 0.015


def through_a_gateway(
    record: CallRecord,
    rng: Random,
    *,
    direct_share: float = 0.3,
    added_s: float = ADDED_S,
    hits: float = 0.0,
    bursts: float = 0.0,
    pause_s: float = 0.0,
) -> None:
    """A call that its provider stamps; some go past the gateway, some are hits, the rest come later."""
    assert record.sent_at_s is not None
    assert record.ended_at_s is not None
    own_s = 0.0004  # of network and generator, with a gateway or without
    first_s = record.ttft_s
    record.provider_total_s = record.ended_at_s - record.sent_at_s - own_s
    record.provider_ttft_s = first_s - own_s if first_s is not None else None
    if not record.stream:
        record.headers_at_s = record.ended_at_s
    kind = rng.random()
    if kind < direct_share:
        record.arm = "provider"
        return
    if kind < direct_share + hits:
        record.cache = "hit"
        record.headers_at_s = record.ended_at_s = record.sent_at_s + 0.001
        record.content_at_s = [record.ended_at_s] if record.stream else []
        return
    record.cache = "miss"
    record.reported_overhead_s = added_s / 3
    assert record.headers_at_s is not None
    record.headers_at_s += added_s
    record.content_at_s = [at_s + added_s + pause_s * (i > 0) for i, at_s in enumerate(record.content_at_s)]
    record.ended_at_s += added_s + pause_s * record.stream
    record.chunks_together = round(bursts * record.chunks)


def run_of(make_run: RunMaker, **gateway: Any) -> Run:
    """A run in which calls went as `through_a_gateway` says."""

    def alter(record: CallRecord, rng: Random) -> None:
        through_a_gateway(record, rng, **gateway)

    return read_run(make_run(alter=alter))


def measured(make_run: RunMaker, **gateway: Any) -> Overhead:
    """What there must be to say of it."""
    overhead = overhead_of(run_of(make_run, **gateway).measurements)
    assert overhead is not None
    return overhead


def test_three_ways_stand_side_by_side_for_streams_and_whole_answers(make_run: RunMaker) -> None:
    """Stamped to a tenth of a millisecond, paired within its interval, self-reported as it was said."""
    overhead = measured(make_run, hits=0.2)
    assert [(row.title, row.way) for row in overhead.rows] == [
        ("streams, first token", "stamped"),
        ("streams, first token", "paired"),
        ("streams, whole call", "stamped"),
        ("streams, whole call", "paired"),
        ("streams, whole call", "self-reported"),
        ("whole answers", "stamped"),
        ("whole answers", "paired"),
        ("whole answers", "self-reported"),
    ]
    for row in overhead.rows:
        p50 = row.p50
        if row.way == "stamped":
            assert p50.value_ms == pytest.approx(15.4, rel=0.006)
            assert p50.low_ms is None
        elif row.way == "paired":
            assert p50.low_ms is not None
            assert p50.high_ms is not None
            assert p50.low_ms < 15.0 < p50.high_ms
            assert str(p50).count(" … ") == 1
        else:
            assert p50.value_ms == pytest.approx(5.0, rel=0.006)
    assert overhead.floor_ms == pytest.approx(0.4, rel=0.01)


def test_cache_hits_are_counted_and_in_no_row_but_their_own(make_run: RunMaker) -> None:
    """The breakdown shows them apart; the overhead of the others is what it is without them."""
    overhead = measured(make_run, hits=0.5)
    hits = [row for row in overhead.breakdown if row.answered_by == "cache"]
    assert {row.title for row in hits} == {"streams from the cache", "whole answers from the cache"}
    assert sum(row.count for row in hits) == overhead.hits > 500
    assert all(row.mean_ms == pytest.approx(1.0) for row in hits)
    assert f"{overhead.hits:,} calls that the cache answered are in none of these" in overhead.notes
    assert all(
        row.p50.value_ms == pytest.approx(15.4, rel=0.006) for row in overhead.rows if row.way == "stamped"
    )


def test_means_of_the_parts_add_up_to_the_mean_of_the_whole(make_run: RunMaker) -> None:
    """For each kind of call; and the whole is the mean latency that the report shows elsewhere."""
    summary = summarise_run(run_of(make_run, direct_share=0.0))
    assert summary.overhead is not None
    rows = summary.overhead.breakdown
    for row in rows:
        assert sum(row.parts_ms.values()) == pytest.approx(row.mean_ms)
    latency = {s.name: s.avg_ms for s in summary.spreads if s.metric == "latency" and s.group == "streaming"}
    means = {row.calls: row.mean_ms for row in rows}
    assert means["streams"] == pytest.approx(latency["streaming"], abs=0.001)
    assert means["whole answers"] == pytest.approx(latency["not streaming"], abs=0.001)
    assert rows[0].parts_ms["gateway"] == pytest.approx(15.4)


@pytest.mark.parametrize(
    ("gateway", "first", "then"),
    [
        ({}, "The gateway holds back the first token by 1", "Chunks are passed on as they come."),
        ({"added_s": 0.0}, "The gateway does not measurably delay", "Chunks are passed on as they come."),
        ({"added_s": -0.03}, "First tokens come ", " ms earlier through the gateway (95%: "),
        ({"bursts": 0.6}, "The gateway holds back", "It sends chunks in bursts: 59."),
        ({"bursts": 1.0}, "The gateway holds back", "It sends the whole stream at once."),
        ({"pause_s": 0.05}, "The gateway holds back", "It pauses within a stream: the longest gap is "),
        (
            {"bursts": 0.6, "pause_s": 0.05},
            "The gateway holds back",
            "straight from the provider and pauses within a stream",
        ),
    ],
)
def test_a_plain_sentence_says_how_the_gateway_changes_streams(
    make_run: RunMaker, gateway: dict[str, Any], first: str, then: str
) -> None:
    """From the difference of the arms, and never more than it shows."""
    sentence = measured(make_run, direct_share=0.5, **gateway).sentence
    assert sentence.startswith(first)
    assert then in sentence


def test_too_few_calls_past_the_gateway_are_said_and_not_guessed(make_run: RunMaker) -> None:
    """A p99 of a small arm is missing, with what it needs; the median is there."""
    overhead = measured(make_run, direct_share=0.15)
    (row,) = (row for row in overhead.rows if (row.what, row.way) == ("first token", "paired"))
    assert row.p50.value_ms is not None
    assert row.p99.value_ms is None
    assert any(note.startswith("paired: a p(99) needs 368 calls in each arm") for note in overhead.notes)


def test_every_report_shows_the_three_ways(make_run: RunMaker) -> None:
    """Text, Markdown, HTML and JSON, each with its labels."""
    summary = summarise_run(run_of(make_run, hits=0.2, bursts=0.6))
    assert summary.overhead is not None
    sentence = summary.overhead.sentence
    text, markdown, html = (
        render(summary) for render in (to_text.render, to_markdown.render, to_html.render)
    )
    flat = " ".join(text.split())
    for way in ("stamped", "paired", "self-reported"):
        assert f"streams, whole call {way} " in flat
        assert f"| streams, whole call | {way} | " in markdown
        assert f'<th scope="row">{way}</th>' in html
    assert sentence in flat
    assert sentence in html
    assert "Where the time goes, mean ms" in flat
    assert '<section id="breakdown" ' in html
    assert '<i class="gateway" style="flex: 1' in html
    told = json.loads(to_json.render(summary))["overhead"]
    assert {row["way"] for row in told["rows"]} == {"stamped", "paired", "self-reported"}
    assert told["breakdown"][0]["parts_ms"]["gateway"] == pytest.approx(15.4)


def test_bars_of_microseconds_are_as_full_as_those_of_seconds(make_run: RunMaker) -> None:
    """Shares of less than one in all would leave a bar half empty; what is below nothing is explained."""
    summary = summarise_run(run_of(make_run))
    parts_ms = {"gateway": 0.02, "provider_first": 0.06, "provider_rest": -0.01}
    row = BreakdownRow("streams", "provider", 9, 0.07, parts_ms)
    assert summary.overhead is not None
    page = to_html.render(replace(summary, overhead=replace(summary.overhead, breakdown=(row,))))
    flexes = [float(flex) for flex in re.findall(r'<i class="\w+" style="flex: ([\d.]+) 0 0"', page)]
    assert len(flexes) == 2
    assert sum(flexes) > 1
    assert "A negative part: " in page


def test_a_run_that_knows_nothing_of_its_provider_still_says_where_the_time_goes(make_run: RunMaker) -> None:
    """Until the first token, and after; nothing is claimed of the gateway."""
    summary = summarise_run(read_run(make_run()))
    overhead = summary.overhead
    assert overhead is not None
    assert overhead.rows == overhead.distortion == ()
    assert set(overhead.parts) == {"waiting", "rest"}
    html = to_html.render(summary)
    assert '<section id="overhead" ' not in html
    assert '<section id="breakdown" ' in html
    assert "Overhead" not in to_text.render(summary)


def test_failures_past_the_gateway_are_listed_as_such(make_run: RunMaker) -> None:
    """And are no failures of the gateway's."""

    def alter(record: CallRecord, rng: Random) -> None:
        if rng.random() < 0.1:
            record.arm, record.outcome, record.status, record.detail = "provider", "http_5xx", 500, "busy"

    summary = summarise_run(read_run(make_run(alter=alter)))
    (row,) = summary.errors
    assert (row.arm, row.name) == ("provider", "http_5xx 500 from the provider itself")
    assert "http_5xx 500 from the provider itself" in to_text.render(summary)
    assert next(total.value for total in summary.totals if total.metric == "failures") == 0
