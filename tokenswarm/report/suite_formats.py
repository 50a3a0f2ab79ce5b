"""A suite's summary for people, pull requests, scripts and CI servers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final
from xml.etree import ElementTree as Xml

from tokenswarm.report.figures import moment
from tokenswarm.report.markdown import table, text
from tokenswarm.report.marks import MARKS
from tokenswarm.report.suite import FIGURES, NOT_RUN, SuiteResult

_UNKNOWN: Final = "➖"


def to_markdown(suite: SuiteResult) -> str:
    """One table, and a sentence of each run that did not pass."""
    return "\n".join(_markdown(suite))


def to_text(suite: SuiteResult) -> str:
    """For the terminal."""
    widest = max(len(leg.profile) for leg in suite.legs)
    lines = [f"{leg.profile:<{widest}}  {leg.outcome:<12}  {_plain(leg.sentence)}" for leg in suite.legs]
    return "\n".join(["", f"suite {suite.name}", *lines, "", suite.sentence])


def to_json(suite: SuiteResult) -> str:
    """For scripts."""
    return json.dumps(suite.to_plain(), ensure_ascii=False, indent=1) + "\n"


def joined_junit(documents: Iterable[str]) -> str:
    """The junit.xml files of all runs in one."""
    root = Xml.Element("testsuites")
    for document in documents:
        for suite in Xml.fromstring(document.encode()):  # noqa: S314 - our own files
            suite.set("id", str(len(root)))
            root.append(suite)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{Xml.tostring(root, encoding="unicode")}\n'


FORMATS: Final[Mapping[str, Callable[[SuiteResult], str]]] = {"suite.json": to_json, "suite.md": to_markdown}


def _markdown(suite: SuiteResult) -> Iterator[str]:
    yield f"# {'✅' if not suite.exit_code else '❌'} suite {text(suite.name)}"
    yield ""
    yield f"**{text(suite.sentence)}**"
    yield ""
    shown = [title for title in FIGURES if any(title in leg.figures for leg in suite.legs)]
    rows = [
        (
            MARKS.get(leg.outcome, _UNKNOWN),
            f"[{text(leg.profile)}]({leg.folder}/report.html)" if leg.folder else text(leg.profile),
            text(leg.outcome),
            *(text(leg.figures.get(title, "–")) for title in shown),
            text(leg.why),
        )
        for leg in suite.legs
    ]
    heads = ("", "Run", "Verdict", *shown, "What for")
    yield from table(heads, rows, f"lll{'r' * len(shown)}l", is_escaped=range(len(heads)))
    failed = [leg for leg in suite.legs if leg.exit_code]
    if failed:
        yield ""
        yield "## What did not pass"
        yield ""
        yield from (f"- {text(leg.profile)}: {text(leg.sentence)}" for leg in failed)
    yield ""
    began = text(moment(suite.started_at))
    yield f"{began} · {text(suite.description)} · each run's own report is in its folder."
    yield ""


def _plain(sentence: str) -> str:
    line = " ".join(sentence.split())
    return "".join(character if character.isprintable() else "\ufffd" for character in line)


__all__ = ["FORMATS", "NOT_RUN", "joined_junit", "to_json", "to_markdown", "to_text"]
