"""What stands beside a verdict: since when, where to look, and what to check first."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from markupsafe import escape

from tokenswarm.metrics.call import FAILURES
from tokenswarm.metrics.catalogue import METRICS
from tokenswarm.report import to_html, to_markdown, to_text
from tokenswarm.report.action_row import ActionRow
from tokenswarm.report.clues import clue_of
from tokenswarm.report.leads import leads_of, since_when
from tokenswarm.report.next_steps import MEND_FIRST, MORE_USERS, STEPS
from tokenswarm.report.overhead import BreakdownRow, Overhead
from tokenswarm.report.run_folder import read_run
from tokenswarm.report.slowest import slowest, who_takes_it
from tokenswarm.report.summarise import summarise_run
from tokenswarm.report.summary import Breakpoint, Check, Spread, Summary, ThresholdRow

RunMaker = Callable[..., Path]


@pytest.fixture
def incident(incident_summary: Summary) -> Summary:
    """A run with a broken line, warnings and failures."""
    return incident_summary


def broken(summary: Summary, metric: str, *, line: str = "", status: str = "fail") -> ThresholdRow:
    """A line of the summary, turned into one on this metric."""
    return replace(
        summary.thresholds[0], metric=metric, line=line or f"{metric}: < 1", status=status, hints=()
    )


def spread(group: str, name: str, p95_ms: float) -> Spread:
    """A row of the latency's table."""
    return Spread("latency", group, name, 100, *[1.0] * 4, p95_ms, p95_ms, p95_ms)


def with_parts(summary: Summary, parts_ms: dict[str, float]) -> Summary:
    """The summary with one row of where the time goes."""
    row = BreakdownRow("streams", "provider", 100, sum(parts_ms.values()), parts_ms)
    return replace(summary, overhead=Overhead((), (row,), (), "", 0, None))


def test_a_clue_leads_to_a_section_that_the_page_has(incident: Summary) -> None:
    """Whatever metric is broken, and whether or not much was measured."""
    bare = replace(
        incident, errors=(), spreads=(), drift=(), overhead=None, answers=None, timeline=None, stages=()
    )
    for summary in (incident, bare):
        page = to_html.render(summary)
        anchors = {metric: clue_of(broken(summary, metric), summary).anchor for metric in METRICS}
        assert [name for name, anchor in anchors.items() if f'id="{anchor}"' not in page] == []


def test_every_class_of_failure_has_a_next_step() -> None:
    """Nobody is left with a class's name alone."""
    assert set(FAILURES) <= set(STEPS)


def test_lines_with_one_cause_are_one_lead(incident: Summary) -> None:
    """The failures are told once, what their class means comes before the SLO's hints, and none twice."""
    rows = (
        replace(broken(incident, "error_rate"), hints=("read", "check"), first_breach_s=31.0),
        replace(broken(incident, "availability"), hints=("restart", "read"), first_breach_s=30.0),
        broken(incident, "latency"),
    )
    errors, latency = leads_of(replace(incident, thresholds=rows))
    assert errors.subjects == ("error_rate", "availability")
    assert errors.first_breach_s == 30.0
    assert errors.steps == (STEPS["http_5xx"], "read", "restart")
    assert latency.clue.anchor == "latency"


def test_a_line_about_one_outcome_shows_that_outcome(incident: Summary) -> None:
    """Not the commonest failure of the run."""
    rare = replace(incident.errors[0], outcome="cache_mismatch", count=1)
    summary = replace(incident, errors=(*incident.errors, rare))
    row = broken(summary, "failures", line="failures{outcome:cache_mismatch}: count == 0")
    assert clue_of(row, summary).text.startswith("1 × cache_mismatch")


def test_what_has_no_sample_since_nothing_succeeded_is_blamed_on_the_failures(incident: Summary) -> None:
    """Else the reader looks for three causes."""
    unknown = replace(broken(incident, "latency", status="inconclusive"), reason="no sample")
    assert clue_of(unknown, incident).text == "no sample"
    assert clue_of(unknown, replace(incident, spreads=())).anchor == "errors"


def test_a_group_is_called_slowest_only_if_it_stands_out(incident: Summary) -> None:
    """Of equal ones any would be named, and lead astray."""
    alike = replace(incident, spreads=(spread("stage", "climb", 100.0), spread("stage", "hold", 124.0)))
    assert slowest("latency", alike) == ""
    apart = replace(incident, spreads=(spread("stage", "climb", 100.0), spread("stage", "hold", 126.0)))
    assert slowest("latency", apart) == "stage hold (p95 126 ms, the fastest 100)"


@pytest.mark.parametrize(
    ("parts_ms", "said"),
    [
        (
            {"gateway": 2.0, "provider_first": 400.0, "provider_rest": 98.0},
            "the provider takes 498 of 500 ms on average, the gateway 2.00 (streams)",
        ),
        (
            {"gateway": 300.0, "provider_first": 100.0, "provider_rest": 100.0},
            "the gateway takes 300 of 500 ms on average (streams)",
        ),
        (
            {"waiting": 300.0, "rest": 200.0},
            "waiting for the answer to begin takes 300 of 500 ms on average (streams)",
        ),
        ({"tls": 300.0, "gateway": 200.0}, "connecting takes 300 of 500 ms on average (streams)"),
    ],
)
def test_who_takes_the_time_is_said(incident: Summary, parts_ms: dict[str, float], said: str) -> None:
    """Gateway, provider, or neither where they can't be told apart."""
    assert who_takes_it("latency", with_parts(incident, parts_ms)) == said


def test_of_first_tokens_only_the_time_before_them_counts(incident: Summary) -> None:
    """What comes after can't be what made them late."""
    parts_ms = {"gateway": 30.0, "provider_first": 20.0, "provider_rest": 900.0}
    said = who_takes_it("ttft", with_parts(incident, parts_ms))
    assert said == "the gateway takes 30.0 of 50.0 ms on average (first tokens)"


def test_a_stage_that_the_line_does_not_speak_of_is_not_called_slowest(incident: Summary) -> None:
    """That another one was slower explains nothing."""
    apart = replace(incident, spreads=(spread("stage", "climb", 100.0), spread("stage", "hold", 190.0)))
    row = broken(apart, "latency", line="latency{stage:climb}: p(95) < 50ms")
    assert "slowest" not in clue_of(row, apart).text
    assert "stage hold" in clue_of(broken(apart, "latency"), apart).text


def test_a_rate_of_the_closed_model_is_explained_by_how_long_calls_take(incident: Summary) -> None:
    """Of the stage that the line is about, or of the one with the most users: a ramp is slow by its plan."""
    told = clue_of(broken(incident, "request_rate", line="request_rate{stage:recover}: > 500/s"), incident)
    assert told.text.startswith("recover: ")
    whole = clue_of(broken(incident, "request_rate"), incident)
    assert whole.anchor == "stages"
    assert re.fullmatch(r"hold: [\d.]+ calls/s by 100 users, a call took [\d.]+ ms on average", whole.text)
    (lead,) = leads_of(replace(incident, thresholds=(broken(incident, "request_rate"),)))
    assert lead.steps[0] == MORE_USERS


def test_times_that_a_starved_generator_measured_are_laid_to_nobody_else(incident: Summary) -> None:
    """Not to the gateway, and no hint about the target comes before that the run must be made again."""
    late = Check("generator lag", "bad", "1,521 ms")
    slow = with_parts(incident, {"gateway": 300.0, "provider_first": 10.0})
    verdict = replace(incident.verdict, outcome="invalid")
    rows = tuple(
        replace(broken(slow, metric), hints=("see the cache",)) for metric in ("latency", "ttft", "overhead")
    )
    (lead,) = leads_of(replace(slow, checks=(late,), verdict=verdict, thresholds=rows))
    assert (lead.clue.anchor, lead.clue.text) == ("trust", "generator lag: 1,521 ms")
    assert lead.steps == (MEND_FIRST,)


def test_a_breach_soon_after_an_action_names_it(incident: Summary) -> None:
    """The last one before it, and none that came later or long ago."""
    actions = tuple(
        ActionRow(name, "POST /admin", at_s, True, "", None, 0, 0.0, None, ())
        for name, at_s in (("one", 5.0), ("two", 20.0), ("three", 30.0))
    )
    summary = replace(incident, actions=actions)
    assert since_when(21.5, summary) == "21.5 s, in hold, 1.5 s after two"
    assert since_when(2.0, summary) == "2.0 s, in warm-up"
    assert since_when(60.0, replace(summary, actions=actions[:2])) == "1:00, in recover"
    assert since_when(None, summary) == "–"


def test_the_first_screen_of_the_page_says_where_to_look(incident: Summary) -> None:
    """In the verdict's own section: since when, the section that shows why, and the next step."""
    verdict = to_html.render(incident).partition('<section id="verdict"')[2].partition("</section>")[0]
    assert '<a href="#timeline" data-at="31.0">31.0 s, in hold</a>' in verdict
    assert '<a href="#errors">Errors</a>: 76 × http_5xx 503' in verdict
    assert escape(STEPS["http_5xx"]) in verdict


def test_the_terminal_says_what_the_page_says(incident: Summary) -> None:
    """Each clue and its first step, in the same words, and nothing that a target sent to move the cursor."""
    page, text = to_html.render(incident), " ".join(to_text.render(incident).split())
    leads = leads_of(incident)
    assert len(leads) == 2
    for lead in leads:
        assert f"{lead.clue.section}: {lead.clue.text}" in text
        assert lead.steps[0] in text
        assert escape(lead.steps[0]) in page
    assert "error_rate{stage:hold}, since 31.0 s, in hold → Errors: 76 × http_5xx 503" in text
    errors = (replace(incident.errors[0], examples=("\x1b[2J" + "x" * 1000,)),)
    told = to_text.render(replace(incident, errors=errors)).partition("Where to look")[2]
    assert "\x1b" not in told
    assert 100 < told.count("x") < 240


def test_doubts_stand_beside_the_verdict_of_an_invalid_run(make_run: RunMaker) -> None:
    """At the end of a terminal's text one reads first why nothing above can be believed."""
    summary = summarise_run(read_run(make_run(incident_share=0.3, lost=("worker-2",))))
    told = to_text.render(summary).partition("Where to look")[2]
    assert told.index("Check first: ") < told.index("!! ") < told.index("INVALID: ")
    assert "Where to look" not in to_text.render(replace(summary, thresholds=()))


def test_a_climb_of_an_invalid_run_is_no_promise(make_run: RunMaker) -> None:
    """How much it carries is said with the doubt before it."""
    summary = summarise_run(read_run(make_run(lost=("worker-2",))))
    text = to_markdown.render(replace(summary, breakpoint=Breakpoint(100.0, None, "", ())))
    assert "**As far as these figures can be trusted: it did not break: limits held up to 100 calls/s" in text
