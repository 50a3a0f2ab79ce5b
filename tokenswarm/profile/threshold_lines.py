"""The `thresholds:` section of a profile or an SLO: read, checked and made into thresholds.

METRIC{LABEL:VALUE}: EXPRESSION                  one line, or a list of them
METRIC: [{threshold: EXPRESSION, abort: true}]   with options
METRIC: [{slo: EXPRESSION, sla: EXPRESSION}]     beyond slo is a warning, beyond sla a failure
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, model_validator

from tokenswarm.errors import ThresholdSyntaxError
from tokenswarm.metrics.catalogue import METRICS
from tokenswarm.metrics.threshold_check import Surroundings, check_expression, check_subject
from tokenswarm.metrics.threshold_grammar import Expression, Subject, parse_expression, parse_subject
from tokenswarm.metrics.thresholds import Level, Status, Threshold, aggregation_of
from tokenswarm.profile.values import Block, Duration, Flag, WholeNumber, problem
from tokenswarm.profile.yaml_tree import Path

_LEVELS: Final = ("threshold", "slo", "sla")
_ON_BREACH: Final[Mapping[str, Status]] = {"warn": Status.WARN, "fail": Status.FAIL}


class Line(Block):
    """One line with its options; either `threshold`, or `slo` and `sla`."""

    threshold: str | None = None
    slo: str | None = None
    sla: str | None = None
    abort: Flag = False
    abort_after_s: Duration = Field(default=0.0, alias="abort_after")
    min_samples: WholeNumber = 0
    severity: Literal["warn", "fail"] = "fail"
    if_measured: Flag = False

    @model_validator(mode="after")
    def _is_one_line(self) -> Line:
        given = {name for name in _LEVELS if getattr(self, name) is not None}
        if given not in ({"threshold"}, {"slo", "sla"}):
            raise problem(f"got {', '.join(sorted(given)) or 'neither'}, need threshold, or slo and sla")
        if self.severity != "fail" and self.slo is not None:
            raise problem("severity has no place beside slo and sla: they are the severities")
        if self.abort and self.severity == "warn":
            raise problem("abort stops the run on a failure, and severity is warn; take one of them away")
        if self.abort_after_s and not self.abort:
            raise problem("abort_after without abort: true does nothing")
        return self


def _as_lines(value: Any) -> Any:
    lines = value if isinstance(value, list) else [value]
    return [{"threshold": line} if isinstance(line, str) else line for line in lines]


Lines = Annotated[
    list[Line], BeforeValidator(_as_lines, json_schema_input_type=list[str | Line] | str | Line)
]
Section = dict[str, Lines]


def check_section(
    section: Any, around: Surroundings, at: Path = ("thresholds",)
) -> Iterator[tuple[Path, str]]:
    """What is wrong with raw YAML data: path → message. Malformed parts are the schema's concern."""
    if not isinstance(section, dict):
        return
    for key, lines in section.items():
        path = (*at, key)
        try:
            subject = parse_subject(key)
        except ThresholdSyntaxError as error:
            yield path, str(error)
            continue
        for message in check_subject(subject, around):
            yield path, message
        for i, line in enumerate(lines if isinstance(lines, list) else [lines]):
            own = (*path, i) if isinstance(lines, list) else path
            yield from _check_line(subject, line, own)


def _check_line(subject: Subject, line: Any, path: Path) -> Iterator[tuple[Path, str]]:
    texts = {"threshold": line} if isinstance(line, str) else line if isinstance(line, dict) else {}
    found: dict[str, Expression] = {}
    metric = METRICS.get(subject.metric)
    for name in _LEVELS:
        text = texts.get(name)
        if not isinstance(text, str):
            continue
        own = path if isinstance(line, str) else (*path, name)
        try:
            expression = parse_expression(text)
        except ThresholdSyntaxError as error:
            yield own, str(error)
            continue
        problems = [] if metric is None else check_expression(expression, metric)
        for message in problems:
            yield own, message
        if metric is not None and not problems:
            found[name] = expression
    if "slo" in found and "sla" in found:
        for message in _check_tiers(subject, found["slo"], found["sla"]):
            yield path, message
    if texts.get("abort") is True:
        for expression in found.values():
            if _only_the_end_can_tell(subject, expression):
                yield path, f"{expression} is broken until the run is long enough: abort would stop every run"


def _check_tiers(subject: Subject, slo: Expression, sla: Expression) -> Iterator[str]:
    if aggregation_of(subject, slo) != aggregation_of(subject, sla) or slo.window != sla.window:
        yield f"slo {slo} and sla {sla} must ask for the same figure; only the limits may differ"
        return
    if slo.operator != sla.operator or slo.operator in ("==", "!="):
        yield f"slo {slo} and sla {sla} must have the same operator, one of < <= > >="
        return
    strict, loose = (Level("", one, Status.PASS).limit(subject) for one in (slo, sla))
    if (strict > loose) if slo.operator in ("<", "<=") else (strict < loose):
        yield f"slo {slo} is looser than sla {sla}; exchange them"


def _only_the_end_can_tell(subject: Subject, expression: Expression) -> bool:
    name = aggregation_of(subject, expression).name
    return name == "count" and expression.window is None and expression.operator in (">", ">=", "==")


def thresholds_in(section: Section, origin: str) -> list[Threshold]:
    """The checked section as thresholds; raises ThresholdSyntaxError where it was not checked."""
    return [_threshold(parse_subject(key), line, origin) for key, lines in section.items() for line in lines]


def _threshold(subject: Subject, line: Line, origin: str) -> Threshold:
    on_breach = {"threshold": _ON_BREACH[line.severity], "slo": Status.WARN, "sla": Status.FAIL}
    levels = tuple(
        Level(name, parse_expression(text), on_breach[name])
        for name in _LEVELS
        if (text := getattr(line, name)) is not None
    )
    return Threshold(
        subject, levels, line.abort, line.abort_after_s, line.min_samples, line.if_measured, origin
    )
