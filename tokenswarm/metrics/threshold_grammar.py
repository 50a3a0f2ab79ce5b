"""The threshold language: text to values and back. What the words may mean together is checked elsewhere.

    subject     = metric [ "{" label ":" value { "," label ":" value } "}" ]
    expression  = [ aggregation ] operator limit [ window ]
    aggregation = "avg" | "min" | "max" | "med" | "count" | "rate" | "value" | "slope" | "p" "(" number ")"
    operator    = "<" | "<=" | ">" | ">=" | "==" | "!="
    limit       = number [ unit ]
    unit        = "us" | "ms" | "s" | "m" | "h" | "%" | "%/h" | per | bytes [ per ]
    per         = "/s" | "/h"
    bytes       = "B" | "KB" | "MB" | "GB" | "KiB" | "MiB" | "GiB"
    window      = ( "over" | "for" ) duration
    duration    = number ( "ms" | "s" | "m" | "h" ) { number ( "ms" | "s" | "m" | "h" ) }
    number      = [ "-" ] digits [ "." digits ] [ "e" [ "+" | "-" ] digits ]

The expression states what must hold. `over 30s`: the value of every full window of 30 s must.
`for 30s`: it is broken by 30 s in which every interval broke it, and not by one bad second.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

from tokenswarm.errors import ThresholdSyntaxError
from tokenswarm.metrics.source import Aggregation, Selector
from tokenswarm.metrics.suggestion import did_you_mean
from tokenswarm.metrics.units import (
    BYTES,
    BYTES_SLOPE,
    DRIFT,
    SHARE,
    SLOPE,
    TIME,
    format_duration,
    format_number,
    parse_duration,
)

AGGREGATION_NAMES: Final = ("avg", "min", "max", "med", "p", "count", "rate", "value", "slope")
OPERATORS: Final = ("<", "<=", ">", ">=", "==", "!=")
WINDOWS: Final = ("over", "for")
UNITS: Final = tuple(
    unit for quantity in (TIME, SHARE, DRIFT, SLOPE, BYTES, BYTES_SLOPE) for unit in quantity.units
)

_NUMBER: Final = r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?"
_TOKEN: Final = re.compile(
    rf"(?P<number>{_NUMBER})|(?P<operator><=|>=|==|!=|<|>)|(?P<unit>%|/\s*[A-Za-z]+)"
    r"|(?P<word>[A-Za-z_]+)|(?P<mark>[()])"
)
_SUBJECT: Final = re.compile(r"\s*(?P<metric>[A-Za-z_]\w*)\s*(?P<braces>\{.*\})?\s*")


@dataclass(frozen=True, slots=True)
class Subject:
    """What a threshold is about: a metric, and which calls."""

    metric: str
    labels: tuple[tuple[str, str], ...] = ()

    @property
    def selector(self) -> Selector:
        """The labels as a source takes them."""
        return Selector(dict(self.labels))

    @property
    def stage(self) -> str | None:
        """The stage that it is bound to, if any."""
        return dict(self.labels).get("stage")

    def __str__(self) -> str:
        labels = ",".join(f"{name}:{value}" for name, value in self.labels)
        return f"{self.metric}{{{labels}}}" if labels else self.metric


@dataclass(frozen=True, slots=True)
class Limit:
    """A number as the user wrote it; the metric says what it means without a unit."""

    number: float
    unit: str = ""

    def __str__(self) -> str:
        return f"{format_number(self.number)}{self.unit}"


@dataclass(frozen=True, slots=True)
class Window:
    """`over` or `for`, and how long."""

    mode: str
    duration_s: float

    def __str__(self) -> str:
        return f"{self.mode} {format_duration(self.duration_s)}"


@dataclass(frozen=True, slots=True)
class Expression:
    """What must hold of a metric; without an aggregation, it is of the metric's own figure."""

    aggregation: Aggregation | None
    operator: str
    limit: Limit
    window: Window | None = None

    def __str__(self) -> str:
        # An aggregation prints its percentile with :g, which would lose digits of p(99.9999999).
        own = self.aggregation
        aggregation = str(own or "")
        if own is not None and own.percentile is not None:
            aggregation = f"{own.name}({format_number(own.percentile)})"
        parts = (aggregation, self.operator, str(self.limit), str(self.window or ""))
        return " ".join(part for part in parts if part)


def parse_subject(text: str) -> Subject:
    """`ttft{prompt:short,stage:hold}`; raises ThresholdSyntaxError."""
    match = _SUBJECT.fullmatch(text)
    if match is None:
        raise ThresholdSyntaxError(f"got {text}, need metric or metric{{label:value,label:value}}")
    labels: dict[str, str] = {}
    if match["braces"]:
        for part in match["braces"][1:-1].split(","):
            name, colon, value = (piece.strip() for piece in part.partition(":"))
            column = match.start("braces")
            if not (name and colon and value) or set("{}") & set(part):
                raise ThresholdSyntaxError(
                    f"got {match['braces']}, need {{label:value}}, or {{label:value,label:value}}", column
                )
            if name in labels:
                raise ThresholdSyntaxError(f"label {name} stands twice; use it once", column)
            labels[name] = value
    return Subject(match["metric"], tuple(labels.items()))


def parse_expression(text: str) -> Expression:
    """`p(95) < 100ms over 30s`; raises ThresholdSyntaxError with what was needed and what stood there."""
    return _Parser(text).expression()


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str  # "number", "operator", "unit", "word", "mark" or "end"
    text: str
    column: int


class _Parser:
    """Recursive descent over the tokens of one expression."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _tokens(text)
        self._at = 0

    def expression(self) -> Expression:
        aggregation = self._aggregation()
        operator = self._take("operator", f"an operator ({' '.join(OPERATORS)})").text
        limit = Limit(self._number("a number after the operator"), self._unit())
        window = self._window()
        if self._next.kind != "end":
            raise self._needs("the end, or over or for with a duration" if window is None else "the end")
        return Expression(aggregation, operator, limit, window)

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _aggregation(self) -> Aggregation | None:
        if self._next.kind != "word":
            return None
        token = self._take("word", "an aggregation")
        if token.text not in AGGREGATION_NAMES:
            guess = did_you_mean(token.text, AGGREGATION_NAMES)
            allowed = ", ".join("p(N)" if name == "p" else name for name in AGGREGATION_NAMES)
            raise ThresholdSyntaxError(
                f"{self._text}: no aggregation is called {token.text}, allowed: {allowed}{guess}",
                token.column,
            )
        if token.text != "p":
            return Aggregation(token.text)
        if self._next.kind == "number":
            raise ThresholdSyntaxError(
                f"{self._text}: write the percentile in brackets, p({self._next.text.lstrip('-')})",
                token.column,
            )
        self._take("mark", "( and the percentile, such as p(95)", "(")
        column = self._next.column
        percentile = self._number("a percentile from 0 to 100")
        if not 0 <= percentile <= 100:
            shown = format_number(percentile)
            raise ThresholdSyntaxError(
                f"{self._text}: got p({shown}), need a percentile from 0 to 100", column
            )
        self._take("mark", ")", ")")
        return Aggregation("p", percentile)

    def _number(self, what: str) -> float:
        token = self._take("number", what)
        number = float(token.text)
        if not math.isfinite(number):
            raise ThresholdSyntaxError(f"{self._text}: {token.text} is too large a number", token.column)
        return number + 0.0  # -0 is 0

    def _unit(self) -> str:
        token = self._next
        if token.kind not in ("word", "unit") or token.text in WINDOWS:
            return ""
        self._at += 1
        unit = token.text.replace(" ", "")
        if not token.text.startswith("/") and self._next.kind == "unit" and self._next.text.startswith("/"):
            unit += self._next.text.replace(" ", "")
            self._at += 1
        if unit not in UNITS:
            allowed = "us, ms, s, m, h, %, %/h, /s, /h, B, KB, MB, GB, KiB, MiB, GiB, and bytes with /s or /h"
            raise ThresholdSyntaxError(
                f"{self._text}: no unit is called {unit}, allowed: {allowed}{did_you_mean(unit, UNITS)}",
                token.column,
            )
        return unit

    def _window(self) -> Window | None:
        if self._next.kind != "word" or self._next.text not in WINDOWS:
            return None
        token = self._take("word", "over or for")
        written = self._text[token.column + len(token.text) :].strip()
        try:
            duration_s = parse_duration(written)
        except ValueError as error:
            raise ThresholdSyntaxError(f"{self._text}: {token.text}: {error}", token.column) from None
        if duration_s <= 0:
            raise ThresholdSyntaxError(f"{self._text}: {token.text}: need more than 0s", token.column)
        self._at = len(self._tokens) - 1
        return Window(token.text, duration_s)

    def _take(self, kind: str, what: str, text: str | None = None) -> _Token:
        token = self._next
        if token.kind != kind or (text is not None and token.text != text):
            raise self._needs(what)
        self._at += 1
        return token

    def _needs(self, what: str) -> ThresholdSyntaxError:
        got = self._next.text or "the end"
        return ThresholdSyntaxError(f"{self._text}: need {what}, got {got}", self._next.column)


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        match = _TOKEN.match(text, at)
        if match is None:
            raise ThresholdSyntaxError(f"{text}: {text[at]} can't stand here", at)
        tokens.append(_Token(str(match.lastgroup), match.group(), at))
        at = match.end()
    tokens.append(_Token("end", "", len(text)))
    return tokens
