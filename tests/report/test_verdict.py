"""From judged thresholds and the way a run went to one outcome, one exit code, one sentence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tokenswarm.metrics.threshold_grammar import parse_subject
from tokenswarm.metrics.thresholds import Status, ThresholdResult
from tokenswarm.profile.threshold_lines import Line, thresholds_in
from tokenswarm.report.run_folder import read_run
from tokenswarm.report.summarise import summarise_run
from tokenswarm.report.summary import Summary
from tokenswarm.report.verdict import CallTally, Ending, Verdict, decide

RunMaker = Callable[..., Path]
WELL = CallTally(1000, 3, "http_5xx")
PROPERLY = Ending()


def result(
    status: Status, line: str = "error_rate: < 1%", value: float | None = 0.051, reason: str = ""
) -> ThresholdResult:
    """A line that was judged so."""
    subject, _, expression = line.partition(": ")
    assert parse_subject(subject)
    (threshold,) = thresholds_in({subject: [Line(threshold=expression)]}, "test.yaml")
    limit = threshold.levels[0].limit(threshold.subject)
    return ThresholdResult(threshold, status, limit, value, None, None, 1003, None, reason)


HELD = result(Status.PASS, "requests: count > 10", 1003)
BROKEN = result(Status.FAIL)
WARNED = result(Status.WARN, "latency: p(95) < 200ms", 0.25)
UNKNOWN = result(Status.INCONCLUSIVE, "ttft: p(95) < 100ms", None, "no sample")
UNMEASURED = result(Status.NOT_MEASURED, "cache_hit_rate: > 30%", None, "no answer said")


@pytest.mark.parametrize(
    ("results", "calls", "ending", "sentence"),
    [
        ([HELD, HELD], WELL, PROPERLY, "PASS: both thresholds hold (exit 0)."),
        ([HELD, HELD, HELD], WELL, PROPERLY, "PASS: all 3 thresholds hold (exit 0)."),
        ([HELD, UNMEASURED], WELL, PROPERLY, "PASS: the one threshold holds (exit 0)."),
        (
            [HELD, WARNED],
            WELL,
            PROPERLY,
            (
                "PASS: no threshold is broken, but 1 of 2 thresholds is in the warning band:"
                " latency p(95) is 250ms, limit < 200ms (exit 0)."
            ),
        ),
        (
            [HELD, BROKEN, WARNED],
            WELL,
            PROPERLY,
            "FAIL: 1 of 3 thresholds is broken: error_rate is 5.1%, limit < 1% (exit 99).",
        ),
        (
            [BROKEN, UNKNOWN],
            WELL,
            PROPERLY,
            "FAIL: 1 of 2 thresholds is broken: error_rate is 5.1%, limit < 1% (exit 99).",
        ),
        (
            [BROKEN] * 5,
            WELL,
            PROPERLY,
            (
                "FAIL: 5 of 5 thresholds are broken: error_rate is 5.1%, limit < 1%; error_rate is 5.1%,"
                " limit < 1%; error_rate is 5.1%, limit < 1%; and 2 more (exit 99)."
            ),
        ),
        (
            [HELD, UNKNOWN, WARNED],
            WELL,
            PROPERLY,
            "INCONCLUSIVE: 1 of 3 thresholds can't be judged: ttft p(95): no sample (exit 111).",
        ),
        (
            [],
            WELL,
            PROPERLY,
            "PASS: 1,000 calls succeeded and 3 failed; nothing was judged: no threshold was given (exit 0).",
        ),
        (
            [UNMEASURED],
            WELL,
            PROPERLY,
            (
                "PASS: 1,000 calls succeeded and 3 failed; nothing was judged:"
                " none of the thresholds' metrics was measured (exit 0)."
            ),
        ),
        (
            [HELD],
            CallTally(0, 12, "connect"),
            PROPERLY,
            "FAIL: none of 12 calls succeeded; most failed with connect (exit 99).",
        ),
        (
            [],
            CallTally(0, 0),
            PROPERLY,
            "FAIL: no call ended in a judged stage, so nothing can pass (exit 99).",
        ),
        (
            [HELD],
            CallTally(0, 0, expected=40),
            PROPERLY,
            (
                "FAIL: none of 40 calls was answered: all were refused, as the profile expects of some"
                " (exit 99)."
            ),
        ),
        (
            [HELD],
            CallTally(0, 12, "connect", expected=3),
            PROPERLY,
            (
                "FAIL: none of 15 calls succeeded; most failed with connect; 3 were refused as expected"
                " (exit 99)."
            ),
        ),
        (
            [],
            CallTally(0, 2, "http_5xx", expected=40, wants_answers=False),
            PROPERLY,
            (
                "PASS: 0 calls succeeded and 2 failed, 40 were refused as expected; nothing was judged:"
                " no threshold was given (exit 0)."
            ),
        ),
        (
            [HELD],
            WELL,
            Ending(aborted="error_rate is 60%"),
            "FAIL: the run was aborted: error_rate is 60% (exit 99).",
        ),
        (
            [HELD],
            WELL,
            Ending(invalid=("worker-2 was lost", "counts differ")),
            (
                "INVALID: worker-2 was lost (and 1 more) (exit 111)."
                " As far as it was measured: the one threshold holds."
            ),
        ),
        (
            [BROKEN],
            WELL,
            Ending(interrupted="stopped after 12 s of 2 min", invalid=("worker-2 was lost",)),
            (
                "INTERRUPTED: stopped after 12 s of 2 min (exit 105)."
                " As far as it was measured: the one threshold is broken: error_rate is 5.1%, limit < 1%."
            ),
        ),
    ],
)
def test_the_sentence_says_what_decided(
    results: list[ThresholdResult], calls: CallTally, ending: Ending, sentence: str
) -> None:
    """Outcome, reason and exit code in one line for people."""
    assert decide(results, calls, ending).sentence == sentence


def test_all_reasons_are_kept_with_the_gravest_first() -> None:
    """The sentence names a few; the report all of them."""
    verdict = decide([WARNED, UNKNOWN, BROKEN], WELL, Ending(invalid=("a", "b")))
    assert [reason.split()[0] for reason in verdict.reasons] == ["a", "b", "error_rate", "ttft", "latency"]
    assert verdict.warnings == 1


def test_the_exit_code_follows_the_outcome() -> None:
    """What a CI job sees."""
    codes: dict[str, Verdict] = {
        "pass": decide([WARNED], WELL, PROPERLY),
        "fail": decide([BROKEN], WELL, PROPERLY),
        "inconclusive": decide([UNKNOWN], WELL, PROPERLY),
        "invalid": decide([BROKEN], WELL, Ending(invalid=("a",))),
        "interrupted": decide([BROKEN], WELL, Ending(interrupted="a")),
    }
    assert {name: verdict.outcome.value for name, verdict in codes.items()} == {name: name for name in codes}
    assert [verdict.exit_code for verdict in codes.values()] == [0, 99, 111, 111, 105]


def judged(make_run: RunMaker, **script: Any) -> Summary:
    """The summary of a run that went so; without thresholds, unless given."""
    stages = (("warm-up", 5, 10), ("climb", 15, 100), ("hold", 30, 100), ("recover", 10, 10))
    plain = {
        "name": "stress",
        "stages": [
            {"name": name, "duration": f"{seconds}s", "users": users, "warmup": name == "warm-up"}
            for name, seconds, users in stages
        ],
    }
    return summarise_run(read_run(make_run(**{"slo": None, "profile": plain, **script})))


def test_a_sound_run_passes(make_run: RunMaker) -> None:
    """The same run that the tests below spoil."""
    summary = judged(make_run)
    assert summary.verdict.outcome == "pass"
    assert {check.state for check in summary.checks} == {"good"}


@pytest.mark.parametrize(
    ("script", "outcome", "said"),
    [
        ({"lost": ("worker-2",)}, "invalid", "worker-2 was lost"),
        ({"drained": {"workers_lost": 0, "undrained": 1}}, "invalid", "1 worker did not hand in"),
        (
            {"drained": {"workers_lost": 0, "undrained": 0, "rejected_reports": 2}},
            "invalid",
            "2 reports of workers could not be read",
        ),
        ({"state": "failed", "facts": {"locust_exit_code": 3}}, "invalid", "exit code 3"),
        ({"reason": "interrupted", "stopped_s": 30.0}, "interrupted", "stopped after 30 s of 1 min"),
        ({"reason": "", "drained": None, "state": "running"}, "interrupted", "did not end properly"),
        ({"reason": "aborted", "detail": "error_rate is 60%"}, "fail", "aborted: error_rate is 60%"),
        ({"failing": lambda _at_s: 1.0}, "fail", "most failed with http_5xx"),
    ],
)
def test_how_a_run_went_decides_before_its_figures_do(
    make_run: RunMaker, script: dict[str, Any], outcome: str, said: str
) -> None:
    """From run.json and events.jsonl to the verdict."""
    verdict = judged(make_run, **script).verdict
    assert verdict.outcome == outcome
    assert said in verdict.sentence


@pytest.mark.parametrize(("difference", "outcome"), [(0, "pass"), (1, "invalid"), (-1, "invalid")])
def test_the_mock_must_have_seen_as_many_calls_as_we_counted(
    make_run: RunMaker, difference: int, outcome: str
) -> None:
    """Warm-ups included; one call more or less is a run that can't be trusted."""
    counts = {"received": 1744 + difference, "answered": 1744, "cut": 0}
    summary = judged(make_run, facts={"mock": counts})
    assert summary.verdict.outcome == outcome
    check = next(check for check in summary.checks if check.what == "counts")
    assert check.state == ("good" if outcome == "pass" else "bad")


def test_calls_that_never_connected_are_not_asked_of_the_mock(make_run: RunMaker) -> None:
    """It can't have seen them."""
    counts = {"received": 1667, "answered": 1667, "cut": 0}
    summary = judged(make_run, incident_share=0.3, failure=("connect", 0, "refused"), facts={"mock": counts})
    assert [check.text for check in summary.checks if check.what == "counts"] == [
        "the mock received 1,667 calls, but 1,668 were counted"
    ]


def test_locust_counting_fewer_is_normal_and_more_is_mentioned(make_run: RunMaker) -> None:
    """Its CSV is not final; but calls that only it has seen are a doubt."""
    folder = make_run()
    head = "Type,Name,Request Count,Failure Count,Average Response Time,Requests/s,50%\n"
    for count, states in ((1700, []), (1745, ["warning"])):
        (folder / "locust_stats.csv").write_text(f"{head},Aggregated,{count},0,1,1,1\n", encoding="utf-8")
        summary = summarise_run(read_run(folder))
        assert [check.state for check in summary.checks if check.what == "counts"] == states


def test_a_busy_generator_is_a_warning(make_run: RunMaker) -> None:
    """Its times may be its own."""
    folder = make_run()
    with (folder / "samples.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"at_s": 40.0, "source": "worker-2", "name": "generator_cpu", "value": 0.97}\n')
    summary = summarise_run(read_run(folder))
    (check,) = [check for check in summary.checks if check.what == "generator CPU"]
    assert (check.state, "worker-2" in check.text) == ("warning", True)


@pytest.mark.parametrize(
    ("statuses", "outcome", "said"),
    [
        ([200, 429], "fail", "all were refused, as the profile expects of some"),
        ([429], "pass", "0 calls succeeded and 0 failed"),
    ],
)
def test_a_run_of_expected_refusals_passes_only_where_nothing_else_is_expected(
    make_run: RunMaker, statuses: list[int], outcome: str, said: str
) -> None:
    """They are neither failures nor errors; where an answer is right too, one is wanted."""
    profile = {
        "name": "limited",
        "stages": [
            {"name": name, "duration": "15s", "users": 10, "warmup": name == "warm-up"}
            for name in ("warm-up", "climb", "hold", "recover")
        ],
        "expect": {"status": statuses},
    }
    refused = ("expected", 429, "")
    summary = judged(make_run, profile=profile, failing=lambda _at_s: 1.0, failure=refused)
    assert summary.verdict.outcome.value == outcome
    assert said in summary.verdict.sentence
    assert summary.errors == ()
