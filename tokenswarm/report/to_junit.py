"""The summary as JUnit XML: a test case a threshold, and one for the run itself.

    pass, warn      a case that passed; the warning stands in the suite's system-out
    fail            <failure>
    inconclusive    <error>: it could not be judged
    not measured    <skipped>

What readers of the format agree on is kept to: one <testsuite> in <testsuites>, every attribute that any
of them demands, times of day without a zone (they are UTC), elements in the strictest order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final
from xml.etree import ElementTree as Xml

from tokenswarm.report.leads import steps_of
from tokenswarm.report.summary import Summary, ThresholdRow
from tokenswarm.report.verdict import Outcome

# XML 1.0, 2.2: what no document may hold, escaped or not.
_NO_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NO_TIME: Final = "1970-01-01T00:00:00"
_RUN_CASE: Final = "the run"
_LONGEST: Final = 4000


def render(summary: Summary) -> str:
    """The whole document."""
    about = summary.about
    cases = [_run_case(summary), *(_case(row, summary) for row in summary.thresholds)]
    kinds = [child.tag for case in cases for child in case]
    root = Xml.Element("testsuites")
    suite = Xml.SubElement(
        root,
        "testsuite",
        id="0",
        package="tokenswarm",
        name=_clean(about.profile or about.source),
        timestamp=_timestamp(about.started_at),
        hostname=_clean(str(summary.environment.get("hostname") or "unknown")),
        tests=str(len(cases)),
        failures=str(kinds.count("failure")),
        errors=str(kinds.count("error")),
        skipped=str(kinds.count("skipped")),
        time=f"{about.lasted_s:.3f}",
    )
    properties = Xml.SubElement(suite, "properties")
    for name, value in _properties(summary):
        Xml.SubElement(properties, "property", name=name, value=_clean(value))
    suite.extend(cases)
    Xml.SubElement(suite, "system-out").text = _clean("\n".join(_said(summary)))
    Xml.SubElement(suite, "system-err").text = ""
    Xml.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{Xml.tostring(root, encoding="unicode")}\n'


def _run_case(summary: Summary) -> Xml.Element:
    """Not green where the verdict rests on no threshold: no success, an abort, or no trust in the figures."""
    verdict = summary.verdict
    case = _new_case(_RUN_CASE, summary)
    if verdict.outcome in (Outcome.INVALID, Outcome.INTERRUPTED):
        _add(case, "error", verdict.sentence, verdict.outcome, "\n".join(verdict.reasons))
    elif verdict.outcome is Outcome.FAIL and not any(row.status == "fail" for row in summary.thresholds):
        _add(case, "failure", verdict.sentence, verdict.outcome, "\n".join(verdict.reasons))
    return case


def _case(row: ThresholdRow, summary: Summary) -> Xml.Element:
    case, details = _new_case(row.line, summary), "\n".join(_details(row, summary))
    if row.status == "fail":
        _add(case, "failure", _was(row), "threshold", details)
    elif row.status == "inconclusive":
        _add(case, "error", f"can't be judged: {row.reason}", "inconclusive", details)
    elif row.status == "not_measured":
        Xml.SubElement(case, "skipped")
    return case


def _new_case(name: str, summary: Summary) -> Xml.Element:
    # Readers show classname as a path of packages, so a dot would make a level.
    suite = (summary.about.profile or summary.about.source).replace(".", "_")
    return Xml.Element("testcase", name=_clean(name), classname=_clean(f"tokenswarm.{suite}"), time="0.000")


def _add(case: Xml.Element, kind: str, message: str, of_type: str, text: str) -> None:
    Xml.SubElement(case, kind, message=_clean(message), type=of_type).text = _clean(text)


def _was(row: ThresholdRow) -> str:
    """Many servers show this alone: which stage and which percentile it is about has to be in it."""
    return f"{row.line} was {row.value_text}"


def _details(row: ThresholdRow, summary: Summary) -> Iterator[str]:
    yield f"{row.line} ({row.origin})"
    yield f"value {row.value_text}, limit {row.limit_text}, margin {row.margin_text}, {row.samples} samples"
    if row.first_breach_s is not None:
        yield f"first broken {row.first_breach_s:.1f} s after the start"
    if row.reason:
        yield row.reason
    steps = steps_of(row, summary)
    if steps:
        yield "check first:"
        yield from (f"- {step}" for step in steps)


def _said(summary: Summary) -> Iterator[str]:
    yield summary.verdict.sentence
    yield from (f"warning: {_was(row)}" for row in summary.thresholds if row.status == "warn")
    yield from (f"{row.count} failed: {row.name}: {row.example}" for row in summary.errors[:20])
    yield f"reports: {summary.about.source}"


def _properties(summary: Summary) -> Iterator[tuple[str, str]]:
    about = summary.about
    facts = {
        "verdict": summary.verdict.outcome,
        "exit_code": str(summary.verdict.exit_code),
        "target": about.target,
        "url": about.url,
        "model": about.model,
        "slo": about.slo,
        "command": about.command,
        "tool": about.tool,
    }
    return ((name, value) for name, value in facts.items() if value)


def _timestamp(started_at: str) -> str:
    try:
        moment = datetime.fromisoformat(started_at)
    except ValueError:
        return _NO_TIME
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S")


def _clean(text: str) -> str:
    return _NO_XML.sub("\ufffd", text)[:_LONGEST]
