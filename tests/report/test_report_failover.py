"""What was done to the target and what came of it: in rows, sentences, charts and verdicts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tokenswarm.metrics.call import CallRecord
from tokenswarm.report import to_html, to_markdown, to_text
from tokenswarm.report.action_row import ActionRow
from tokenswarm.report.failover import OUTAGE
from tokenswarm.report.run_folder import read_run
from tokenswarm.report.summarise import summarise_run
from tokenswarm.report.summary import Summary

from .conftest import PROFILE

RunMaker = Callable[..., Path]

DOWN_S, AWAY_S, UP_S, BACK_S = 25.0, 26.5, 40.0, 43.0
ACTIONS = [
    {"name": "primary down", "at": "25s", "post": "/admin"},
    {"name": "primary up", "at": "40s", "post": "/admin"},
]
LINES = {
    "recovery_time": ["max < 3s"],
    "failover_time": ["max < 2s"],
    "return_time": ["max < 2s"],
}


def done(name: str, at_s: float) -> Mapping[str, Any]:
    """A line of events.jsonl."""
    return {"at_s": at_s, "event": "action", "name": name, "did": "POST /admin", "is_ok": True, "said": "200"}


def answered_by(primary: Callable[[float], bool]) -> Callable[[CallRecord, Random], None]:
    """Names the provider of each call, by when it began."""

    def alter(record: CallRecord, _rng: Random) -> None:
        record.provider = "primary" if primary(record.intended_at_s) else "secondary"

    return alter


def failed_over(make_run: RunMaker, **script: Any) -> Summary:
    """The primary is down from 25 s; until 26.5 s calls fail; from 43 s it answers again."""
    said = {
        "profile": {**PROFILE, "actions": ACTIONS, "thresholds": LINES},
        "failing": lambda at_s: float(DOWN_S <= at_s < AWAY_S),
        "alter": answered_by(lambda at_s: not DOWN_S <= at_s < BACK_S),
        "events": [done("primary down", DOWN_S), done("primary up", UP_S)],
        "slo": None,
    }
    return summarise_run(read_run(make_run(**{**said, **script})))


def test_each_action_has_its_times(make_run: RunMaker) -> None:
    """What it cost, until another provider answered, and until the usual one did again."""
    down, up = failed_over(make_run).actions
    assert down.usual_provider == up.usual_provider == "primary"
    assert down.recovery_s == pytest.approx(1.5, abs=0.15)
    assert down.failover_s == pytest.approx(1.5, abs=0.4)
    assert (down.return_s, up.failover_s, up.recovery_s, up.lost) == (None, None, 0, 0)
    assert up.return_s == pytest.approx(3.0, abs=0.4)
    assert "Others than primary answered after 1." in down.sentence
    assert up.sentence.startswith("primary up cost no call. primary answered again after ")


def test_thresholds_judge_all_three_times(make_run: RunMaker) -> None:
    """The return took three seconds, and two were allowed."""
    broken = {row.metric for row in failed_over(make_run).thresholds if row.status == "fail"}
    assert broken == {"return_time"}


def test_phases_say_who_answered(make_run: RunMaker) -> None:
    """Before the primary, after the fault the secondary; the time of the return counts as during it."""
    down, up = failed_over(make_run).actions
    phases = {(row.name, phase.name): phase for row in (down, up) for phase in row.phases}
    assert phases["primary down", "before"].shown_providers == "primary 100%"
    assert phases["primary down", "after"].shown_providers == "secondary 100%"
    during = phases["primary up", "during"]
    assert (during.start_s, during.end_s) == (40.0, pytest.approx(43.5, abs=0.5))
    assert phases["primary up", "after"].shown_providers == "primary 100%"


def test_who_never_came_back_is_told(make_run: RunMaker) -> None:
    """And breaks a limit on the return."""
    summary = failed_over(make_run, alter=answered_by(lambda at_s: at_s < DOWN_S))
    assert summary.actions[-1].sentence.endswith("primary did not answer again before the run ended.")
    assert "return_time" in {row.metric for row in summary.thresholds if row.status == "fail"}


def test_answers_that_name_no_provider_are_judged_by_their_errors_alone(make_run: RunMaker) -> None:
    """A limit on what nobody told is inconclusive."""
    summary = failed_over(make_run, alter=lambda _record, _rng: None)
    assert [row.usual_provider for row in summary.actions] == ["", ""]
    status = {row.metric: row.status for row in summary.thresholds}
    assert (status["recovery_time"], status["return_time"]) == ("pass", "inconclusive")


def test_the_distribution_over_time_is_in_every_report(make_run: RunMaker) -> None:
    """A chart in the page; in text a row for each provider, in which each fills its part of the run."""
    summary = failed_over(make_run)
    assert "primary down at 25.0 s" in to_html.render(summary)
    assert "Calls per second, by the provider that answered" in to_html.render(summary)
    for report in (to_markdown.render(summary), to_text.render(summary)):
        lines = [line.split() for line in report.splitlines()]
        (primary,) = [cells for name, cells in (x for x in lines if len(x) == 2) if name == "primary"]
        (secondary,) = [cells for name, cells in (x for x in lines if len(x) == 2) if name == "secondary"]
        assert (primary[10], secondary[10]) == ("█", "·")
        assert (primary[38], secondary[38]) == ("·", "█")
        assert (primary[50], secondary[50]) == ("█", "·")


def test_a_process_of_the_stack_that_died_is_told_as_an_action_is(make_run: RunMaker) -> None:
    """By the time that the stack noted on the machine's clock; the run began at 1000 s of it."""
    deaths = [{"name": "primary", "pid": 77, "monotonic_s": 1000.0 + DOWN_S}]
    summary = failed_over(make_run, events=[done("primary up", UP_S)], facts={"deaths": deaths})
    death = summary.actions[0]
    assert (death.name, death.did, death.at_s) == ("the death of primary", "process 77 ended", DOWN_S)
    assert death.recovery_s == pytest.approx(1.5, abs=0.15)
    assert summary.timeline is not None
    assert [mark.name for mark in summary.timeline.marks] == ["the death of primary", "primary up"]


def test_an_outage_that_nobody_announced_has_a_row_too(make_run: RunMaker) -> None:
    """Somebody pulled a cable: what it cost is told from the first failure on."""
    outage, up = failed_over(make_run, events=[done("primary up", UP_S)]).actions
    assert (outage.name, up.name) == (OUTAGE, "primary up")
    assert outage.at_s == pytest.approx(DOWN_S, abs=0.3)
    assert outage.recovery_s == pytest.approx(1.5, abs=0.4)


def test_many_marks_have_numbers_and_a_list_that_explains_them(make_run: RunMaker) -> None:
    """Names would lie on each other."""
    events = [done(f"fault {i}", 20.0 + i) for i in range(6)]
    page = to_html.render(failed_over(make_run, events=events))
    assert "<li>1. 20.0 s: fault 0" in page
    assert "fault 5 at 25.0 s" not in page


def row(**facts: Any) -> ActionRow:
    said = {"name": "x", "did": "", "at_s": 1.0, "is_ok": True, "said": "", "recovery_s": 0.0, "lost": 0}
    return ActionRow(**{**said, "worst_error_rate": 0.0, "first_failure_s": None, "phases": (), **facts})


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({}, "x cost no call."),
        ({"is_ok": False, "said": "HTTP 404"}, "x was not done: HTTP 404."),
        ({"lost": 1}, "x cost 1 call; the error rate stayed within its limit."),
        ({"lost": 1, "recovery_s": 0.2}, "After x it recovered in 0.2 s; 1 call was lost."),
        ({"lost": 9, "recovery_s": None}, "After x it did not recover: 9 calls were lost."),
    ],
)
def test_sentences_say_what_it_cost(facts: Mapping[str, Any], sentence: str) -> None:
    """For people."""
    assert row(**facts).sentence == sentence
