"""junit.xml: a case a threshold, valid for every reader of the format, whatever a target said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest
import xmlschema

from tokenswarm.report import to_junit
from tokenswarm.report.run_folder import read_run
from tokenswarm.report.summarise import summarise_run
from tokenswarm.report.summary import Summary

from .conftest import write_csv_reports

PROFILE = {"name": "stress", "stages": [{"name": "hold", "duration": "60s", "users": 100}]}
RunMaker = Callable[..., Path]
LOCUST = Path(__file__).parents[1] / "golden" / "report" / "locust"


@pytest.fixture(scope="module")
def schema() -> xmlschema.XMLSchema:
    return xmlschema.XMLSchema(Path(__file__).parent / "schemas" / "junit.xsd")


def parsed(text: str, schema: xmlschema.XMLSchema) -> Xml.Element:
    """The one suite of a document that is valid."""
    schema.validate(text)
    return Xml.fromstring(text)[0]


def cases(suite: Xml.Element) -> dict[str, list[str]]:
    """What became of each case."""
    return {case.attrib["name"]: [child.tag for child in case] for case in suite.iter("testcase")}


def test_each_threshold_is_a_case(make_run: RunMaker, schema: xmlschema.XMLSchema) -> None:
    """Broken lines fail, warnings pass, what was not measured is skipped; counts agree."""
    suite = parsed(to_junit.render(summarise_run(read_run(make_run(incident_share=0.3)))), schema)
    found = cases(suite)
    assert len(found) == 8
    assert found["error_rate{stage:hold}: < 1%"] == ["failure"]
    assert found["latency: slo p(50) < 300ms, sla p(50) < 600ms"] == []
    assert found["cache_hit_rate: slo > 30%, sla > 20%"] == ["skipped"]
    assert found["the run"] == []
    counts = [suite.attrib[name] for name in ("tests", "failures", "errors", "skipped")]
    assert counts == ["8", "1", "0", "1"]
    failure = next(suite.iter("failure"))
    assert failure.attrib["message"] == "error_rate{stage:hold}: < 1% was 6.452%"
    assert "Check rate limits." in (failure.text or "")
    assert suite.attrib["timestamp"] == "2026-01-31T12:00:00"


def test_a_run_that_can_not_be_trusted_is_an_error(make_run: RunMaker, schema: xmlschema.XMLSchema) -> None:
    """Though every threshold holds, the job must not look green."""
    suite = parsed(to_junit.render(summarise_run(read_run(make_run(lost=("worker-2",), slo=None)))), schema)
    assert cases(suite)["the run"] == ["error"]
    assert suite.attrib["errors"] == "1"


def test_a_run_without_a_call_fails_by_itself(make_run: RunMaker, schema: xmlschema.XMLSchema) -> None:
    """No threshold is broken then: none could be judged."""
    folder = make_run(profile=PROFILE)
    (folder / "intervals.jsonl").unlink()
    found = cases(parsed(to_junit.render(summarise_run(read_run(folder))), schema))
    assert found["the run"] == ["failure"]
    assert found["ttft: p(95) < 200ms"] == ["error"]


def test_a_plain_locust_run_is_valid_too(tmp_path: Path, schema: xmlschema.XMLSchema) -> None:
    """Without profile, machine or thresholds."""
    write_csv_reports(LOCUST / "failing", output=tmp_path)
    suite = parsed((tmp_path / "junit.xml").read_text(encoding="utf-8"), schema)
    assert cases(suite) == {"the run": []}
    assert suite.attrib["hostname"] == "unknown"


@pytest.mark.parametrize(
    "hostile", ["a\x00\x1b[31m\ud800b", "]]></failure><x a='1'>&amp;\"", "\n\t\uffff😀" * 3000]
)
def test_what_a_target_says_can_not_break_the_document(
    make_run: RunMaker, schema: xmlschema.XMLSchema, hostile: str
) -> None:
    """Characters that XML has no way to hold are replaced."""
    summary: Summary = summarise_run(read_run(make_run(incident_share=0.3)))
    about = replace(summary.about, profile=hostile, target=hostile, started_at=hostile)
    rows = tuple(
        replace(row, line=f"{hostile}{n}", reason=hostile) for n, row in enumerate(summary.thresholds)
    )
    errors = tuple(replace(row, examples=(hostile,)) for row in summary.errors)
    text = to_junit.render(replace(summary, about=about, thresholds=rows, errors=errors))
    suite = parsed(text, schema)
    text.encode()
    assert len(suite.findall("testcase")) == 8
