"""Several runs in one summary: the worst verdict wins, and every run is found again."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path

import pytest
import xmlschema

from tokenswarm.errors import ExitCode
from tokenswarm.report import to_junit
from tokenswarm.report.locust_csv import LocustCsv
from tokenswarm.report.recorded import Recorded
from tokenswarm.report.suite import NOT_RUN, Leg, SuiteResult, worst
from tokenswarm.report.suite_formats import joined_junit, to_json, to_markdown, to_text
from tokenswarm.report.summarise_csv import summarise_csv

LOCUST = Path(__file__).parents[1] / "golden" / "report" / "locust"


def suite(*legs: Leg) -> SuiteResult:
    return SuiteResult("benchmark", "x", "2026-01-31T12:00:00+00:00", "folder", legs)


def leg(profile: str, code: int, outcome: str = "pass") -> Leg:
    summary = summarise_csv(LocustCsv(LOCUST / "clean"), None, None)
    recorded = Recorded.of(summary.to_plain(), "x")
    made = Leg.of(profile, "why", code, f"01-{profile}", recorded)
    return (
        made if outcome == "pass" else Leg(profile, "why", outcome, code, "said", made.folder, made.figures)
    )


def test_the_worst_verdict_wins_in_any_order() -> None:
    """Interrupted, then what could not be run, then a failure, then doubt."""
    gravest_first = [105, 104, 99, 111, 0]
    for count in range(1, 6):
        for codes in permutations(gravest_first[-count:]):
            assert worst(codes) == gravest_first[-count]
    assert worst([0, 1]) == ExitCode.BAD_CONFIGURATION
    assert worst([]) == ExitCode.PASS


def test_a_suite_that_passed_says_so() -> None:
    """One sentence, exit 0."""
    result = suite(leg("smoke", 0), leg("stress", 0))
    assert (result.exit_code, result.sentence) == (0, "PASS: all 2 runs passed (exit 0).")


def test_the_summary_names_what_did_not_pass() -> None:
    """In every form; a run that was not made stands in the table as well."""
    result = suite(leg("smoke", 0), leg("a|b", 99, "fail"), Leg("soak", "", NOT_RUN, 104, "not run: refused"))
    assert result.sentence == "FAIL: 1 of 3 runs passed; not a|b (fail), soak (not run) (exit 104)."
    markdown = to_markdown(result)
    row = next(line for line in markdown.splitlines() if line.startswith("| ✅"))
    assert "[smoke](01-smoke/report.html)" in row
    assert " 641 " in row
    assert "- soak: not run: refused" in markdown
    assert "a\\|b" in markdown
    assert to_text(result).splitlines()[-1] == result.sentence
    plain = json.loads(to_json(result))
    assert [one["exit_code"] for one in plain["legs"]] == [0, 99, 104]
    assert plain["exit_code"] == 104


@pytest.mark.parametrize("count", [0, 1, 3])
def test_the_cases_of_all_runs_are_in_one_document(count: int) -> None:
    """Valid as each of them is, with ids of their own."""
    document = to_junit.render(summarise_csv(LocustCsv(LOCUST / "clean"), None, None))
    joined = joined_junit([document] * count)
    schema = xmlschema.XMLSchema(Path(__file__).parent / "schemas" / "junit.xsd")
    schema.validate(joined)
    assert [part for part in joined.split() if part.startswith("id=")] == [f'id="{n}"' for n in range(count)]
