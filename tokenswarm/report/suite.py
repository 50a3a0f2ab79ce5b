"""Several runs as one: what became of each, and the worst verdict of all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from tokenswarm.errors import ExitCode
from tokenswarm.report.figure_key import FigureKey
from tokenswarm.report.recorded import Recorded

SCHEMA: Final = 1
NOT_RUN: Final = "not run"

# The gravest first: who stopped the suite wants to know that; then what could not be run, what is too slow,
# and what nobody can tell.
_GRAVEST: Final = (
    ExitCode.INTERRUPTED,
    ExitCode.BAD_CONFIGURATION,
    ExitCode.THRESHOLD_FAILED,
    ExitCode.INCONCLUSIVE,
    ExitCode.PASS,
)
# What the table shows of each run.
FIGURES: Final[Mapping[str, FigureKey]] = {
    "Calls": FigureKey("requests"),
    "Calls/s": FigureKey("request_rate"),
    "Errors": FigureKey("error_rate"),
    "Latency p50": FigureKey("latency", "p50"),
    "p95": FigureKey("latency", "p95"),
    "p99": FigureKey("latency", "p99"),
    "First token p95": FigureKey("ttft", "p95"),
    "Overhead p95": FigureKey("overhead", "p95"),
}


@dataclass(frozen=True, slots=True)
class Leg:
    """One run of the suite. `folder` is inside the suite's own, empty where nothing was run."""

    profile: str
    why: str
    outcome: str  # of its verdict, or NOT_RUN
    exit_code: int
    sentence: str
    folder: str = ""
    figures: Mapping[str, str] = field(default_factory=dict)  # of FIGURES, those that were measured

    @classmethod
    def of(cls, profile: str, why: str, code: int, folder: str, recorded: Recorded) -> Leg:
        """A run that left a folder."""
        texts = {
            title: recorded.figures[key].text for title, key in FIGURES.items() if key in recorded.figures
        }
        return cls(profile, why, recorded.outcome, code, recorded.sentence, folder, texts)


@dataclass(frozen=True, slots=True)
class SuiteResult:
    """All of them."""

    name: str
    description: str
    started_at: str
    folder: str
    legs: tuple[Leg, ...]

    @property
    def exit_code(self) -> ExitCode:
        """The worst of all legs'."""
        return worst([leg.exit_code for leg in self.legs])

    @property
    def sentence(self) -> str:
        """For people."""
        count = len(self.legs)
        passed = sum(leg.exit_code == ExitCode.PASS for leg in self.legs)
        if passed == count:
            return f"PASS: all {count} runs passed (exit 0)."
        rest = [f"{leg.profile} ({leg.outcome})" for leg in self.legs if leg.exit_code != ExitCode.PASS]
        word = _WORDS[self.exit_code]
        return f"{word}: {passed} of {count} runs passed; not {', '.join(rest)} (exit {int(self.exit_code)})."

    def to_plain(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {
            "schema": SCHEMA,
            "exit_code": int(self.exit_code),
            "sentence": self.sentence,
            **asdict(self),
        }


_WORDS: Final[Mapping[ExitCode, str]] = {
    ExitCode.INTERRUPTED: "INTERRUPTED",
    ExitCode.BAD_CONFIGURATION: "FAIL",
    ExitCode.THRESHOLD_FAILED: "FAIL",
    ExitCode.INCONCLUSIVE: "INCONCLUSIVE",
}


def worst(codes: Sequence[int]) -> ExitCode:
    """The gravest of several exit codes; one that is not ours is as grave as a bad configuration."""
    known = [ExitCode(code) if code in set(ExitCode) else ExitCode.BAD_CONFIGURATION for code in codes]
    return min(known, key=_GRAVEST.index, default=ExitCode.PASS)
