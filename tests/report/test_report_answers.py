"""Where answers came from, from a run's measurements to each report."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from tokenswarm.metrics.call import CallRecord
from tokenswarm.metrics.collector import Collector
from tokenswarm.metrics.measurements import Measurements
from tokenswarm.metrics.source import StageSpan
from tokenswarm.report import to_html, to_markdown, to_text
from tokenswarm.report.answers import Answers
from tokenswarm.report.measure_answers import answers_of
from tokenswarm.report.run_folder import read_run
from tokenswarm.report.summarise import summarise_run
from tokenswarm.report.summary import Summary

Folder = Callable[..., Any]


def call(took_s: float = 0.1, **fields: Any) -> CallRecord:
    record = CallRecord(1.0)
    record.started_at_s = record.sent_at_s = 1.0
    record.ended_at_s = 1.0 + took_s
    record.stage, record.status = "hold", 200
    for name, value in fields.items():
        setattr(record, name, value)
    return record


def measured(calls: Iterable[CallRecord], counts: dict[str, int] | None = None) -> Measurements:
    collector = Collector(0.0, 1.0)
    for one in calls:
        collector.record(one)
    for name, number in (counts or {}).items():
        collector.count(name, 1.0, "hold", number)
    measurements = Measurements((StageSpan("hold", 0, 10),))
    measurements.absorb(collector.drain())
    return measurements


def told(calls: Iterable[CallRecord], counts: dict[str, int] | None = None, **target: Any) -> Answers:
    answers = answers_of(measured(calls, counts), target)
    assert answers is not None
    return answers


def test_hits_by_layer_stand_beside_misses() -> None:
    """Each with its share and its times, the commonest first."""
    calls = [
        *(call(0.3, cache="miss", provider="openai") for _ in range(3)),
        *(call(0.001, cache="hit", cache_layer="L1") for _ in range(4)),
        call(0.002, cache="hit", cache_layer="L2"),
    ]
    rows = told(calls).of("cache")
    assert [(row.name, row.count, row.share) for row in rows] == [
        ("hit (L1)", 4, 0.5),
        ("miss", 3, 0.375),
        ("hit (L2)", 1, 0.125),
    ]
    assert rows[1].latency_p50_ms == pytest.approx(300, rel=0.01)


def test_providers_and_models_are_told_apart_with_their_errors_and_costs() -> None:
    """A model that falls back names who answered in its stead."""
    calls = [
        call(requested_model="a", provider="openai", model="a", cost=0.25, output_tokens=10),
        call(requested_model="a", provider="azure", model="b", cost=0.5, output_tokens=30),
        call(requested_model="b", provider="azure", outcome="http_5xx", status=500),
        call(requested_model="b", provider="azure", model="b", outcome="interrupted"),
    ]
    answers = told(calls)
    assert [(row.name, row.count, row.error_rate) for row in answers.of("provider")] == [
        ("azure", 2, 0.5),
        ("openai", 1, 0.0),
    ]
    first, second = answers.of("model")
    assert (first.name, first.cost, first.output_tokens, first.answered_by) == ("a", 0.75, 40, ("a", "b"))
    assert (second.name, second.count, second.error_rate, second.cost) == ("b", 1, 1.0, None)


def test_a_run_of_which_nothing_is_said_has_no_section() -> None:
    """One model, no signal, no rule: the totals say it all."""
    assert answers_of(measured([call(requested_model="a")]), {"gateway": "auto"}) is None


def test_a_cache_that_nobody_could_hit_is_not_shown() -> None:
    """Misses of prompts that were never sent before prove nothing."""
    answers = told([call(cache="miss", provider="p")])
    assert answers.of("cache") == ()


def test_rules_show_how_often_they_applied_and_the_users_own_are_doubted_when_they_never_did() -> None:
    """A preset's rule may just have had no occasion."""
    own, preset = "provider: header x-mispelled", "cache hit: header x-litellm-cache-key"
    counts = {
        "gateway_found/litellm/header x-litellm-call-id": 2,
        f"rule_asked/{own}": 9,
        f"rule_matched/{own}": 0,
        f"rule_asked/{preset}": 9,
        f"rule_matched/{preset}": 0,
        "rule_asked/request_id: header x-litellm-call-id": 9,
        "rule_matched/request_id: header x-litellm-call-id": 3,
        "rule_asked/cache_layer: header x-layer": 0,
    }
    answers = told([call()], counts, gateway="auto", signals=[own])
    assert answers.read_by == (
        "Read as answers of litellm (found by header x-litellm-call-id); 1 of its 4 rules applied."
    )
    mock = told([call()], counts, gateway="auto", signals=[own], is_embedded_mock=True)
    assert "litellm (the target is the embedded mock, which speaks as that gateway does)" in mock.read_by
    assert {rule.name: (rule.is_own, rule.state) for rule in answers.rules} == {
        own: (True, "never applied"),
        preset: (False, "never applied"),
        "request_id: header x-litellm-call-id": (False, "33.3%"),
        "cache_layer: header x-layer": (False, "never asked"),
    }
    assert answers.doubts == (f"a rule of the target never applied: {own}",)


@pytest.mark.parametrize(
    ("found", "target", "gateway", "doubts"),
    [
        (["kong/header x-kong-request-id"], "auto", "kong", 0),
        (["kong/header a", "kong/header b"], "auto", "kong", 0),
        (["kong/header a", "portkey/header b"], "auto", "", 1),
        (["none/no preset's marks on the first 10 answers"], "auto", "", 0),
        (["none/the answers look like kong (header a) and portkey (header b); name …"], "auto", "", 1),
        ([], "kong", "kong", 0),
        ([], "none", "", 0),
    ],
)
def test_what_processes_found_is_one_gateway_or_a_doubt(
    found: list[str], target: str, gateway: str, doubts: int
) -> None:
    """Two that disagree, or one that can't tell, ask the user to name it."""
    counts = {f"gateway_found/{one}": 1 for one in found}
    answers = told([call(provider="p")], counts, gateway=target)
    assert (answers.gateway, len(answers.doubts)) == (gateway, doubts)


def test_gzip_that_was_asked_for_and_never_came_is_told() -> None:
    """C6: ask, verify, report."""
    answers = told([call(is_compression_asked=True)])
    assert answers.doubts == ("gzip was asked for, and no answer came compressed",)


def test_a_target_with_very_many_providers_gets_a_bounded_table() -> None:
    """The rarest are one row with what adds up, so that shares are of all and nothing is missing."""
    calls = [call(provider=f"p{n}", output_tokens=3) for n in range(60)]
    calls += [call(provider="p0", outcome="http_5xx", status=500), call(provider="p59")]
    rows = told(calls).of("provider")
    assert len(rows) == 20
    assert sum(row.count for row in rows) == 62
    assert (rows[-1].name, rows[-1].count, rows[-1].latency_p50_ms) == ("41 others", 41, None)
    assert rows[-1].output_tokens == 41 * 3
    assert sum(row.share for row in rows) == pytest.approx(1)
    assert {row.name: row.share for row in rows}["p0"] == pytest.approx(2 / 62)


@pytest.fixture
def summary(make_run: Folder) -> Summary:
    """Of a run whose target words its labels as an attacker would."""
    folder = make_run()
    calls = [
        call(cache="hit", cache_layer="<b>L1</b>", requested_model="m|1"),
        call(cache="miss", provider="<script>alert(1)</script>", requested_model="m2", fell_back=True),
    ]
    collector = Collector(0.0, 1.0)
    for one in calls:
        one.ended_at_s = 30.0
        collector.record(one)
    collector.count("gateway_found/nginx/header x-upstream-addr", 30.0, "hold")
    with (folder / "intervals.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(collector.drain().to_json()) + "\n")
    return summarise_run(read_run(folder))


def test_every_report_shows_them_and_takes_no_markup_from_labels(summary: Summary) -> None:
    """Text, Markdown and HTML; a table's bar and a script's tag are just characters."""
    html, markdown, text = to_html.render(summary), to_markdown.render(summary), to_text.render(summary)
    assert '<section id="answers" ' in html
    assert "hit (&lt;b&gt;L1&lt;/b&gt;)" in html
    assert "<script>alert(1)" not in html
    assert "<summary>Where answers came from</summary>" in markdown
    assert "m\\|1" in markdown
    assert "<script>alert(1)" not in markdown
    assert "Cache: what answered, times in ms" in text
    assert "calls that another than the first provider answered" in html
