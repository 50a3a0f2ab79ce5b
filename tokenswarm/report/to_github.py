"""The summary as GitHub's workflow commands, which become annotations of a job and of a pull request.

GitHub keeps ten errors and ten warnings of a step, so the verdict comes first and the rest is counted.
Grammar: `::error file=…,title=…::message`, with %, CR and LF percent-encoded, and in properties : and , too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Final

from tokenswarm.report.clues import clue_of
from tokenswarm.report.leads import steps_of
from tokenswarm.report.summary import Summary, ThresholdRow

_MOST: Final = 9  # of one level, beside the verdict's own
_LONGEST: Final = 500
_LEVELS: Final[Mapping[str, str]] = {"fail": "error", "inconclusive": "error", "warn": "warning"}
_IN_MESSAGE: Final = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_IN_PROPERTY: Final = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A", ":": "%3A", ",": "%2C"})


def render(summary: Summary) -> str:
    """One command a line; empty for a run without a breach or a doubt."""
    return "".join(f"{line}\n" for line in _lines(summary))


def _lines(summary: Summary) -> Iterator[str]:
    verdict, about = summary.verdict, summary.about
    name = about.profile or about.source
    if verdict.exit_code:
        yield _command("error", f"{verdict.outcome.upper()}: {name}", verdict.sentence)
    for level in ("error", "warning"):
        rows = [row for row in summary.thresholds if _LEVELS.get(row.status) == level]
        for row in rows[:_MOST]:
            yield _command(level, f"{name}: {row.metric}", _said(row, summary), _file(row.origin))
    if not verdict.exit_code:
        # Where the run failed, the verdict's sentence has said it.
        doubts = [check for check in summary.checks if check.state == "warning"]
        for check in doubts[:1]:
            yield _command("warning", f"{name}: {check.what}", check.text)


def _said(row: ThresholdRow, summary: Summary) -> str:
    if row.status == "inconclusive":
        return f"{row.line}: {row.reason}"
    clue, steps = clue_of(row, summary), steps_of(row, summary)
    step = f"\nCheck first: {steps[0]}" if steps else ""
    seen = f"\n{clue.section}: {clue.text}" if clue.text else ""
    return f"{row.line} was {row.value_text}{seen}{step}"


def _file(origin: str) -> str:
    """The file that states the line, if it is one of the repository's."""
    path = PurePosixPath(origin)
    return origin if path.suffix in (".yaml", ".yml") and not path.is_absolute() else ""


def _command(level: str, title: str, message: str, file: str = "") -> str:
    # A character that the runner would take for the end of the command must not be in its text.
    properties = [f"file={file.translate(_IN_PROPERTY)}"] if file else []
    properties.append(f"title={title[:_LONGEST].translate(_IN_PROPERTY)}")
    return f"::{level} {','.join(properties)}::{message[:_LONGEST].translate(_IN_MESSAGE)}"
