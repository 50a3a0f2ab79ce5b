"""Figures with units, read and written: durations, and the limits of thresholds."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from tokenswarm.metrics.catalogue import Kind, Metric

_BYTES: Final = {
    "B": "1",
    "KB": "1e3",
    "MB": "1e6",
    "GB": "1e9",
    "KiB": "1024",
    "MiB": "1048576",
    "GiB": "1073741824",
}
_PER_HOUR: Final = str(1 / Decimal(3600))


@dataclass(frozen=True, slots=True)
class Quantity:
    """What a figure measures: its units as factors to the base unit, and what a bare number means."""

    name: str
    units: Mapping[str, str]  # decimal text, so that 7ms is the float 0.007 and not the product of two floats
    bare: str = "1"

    def to_base(self, number: float, unit: str) -> float:
        """Seconds, bytes, shares from 0 to 1; KeyError if the unit isn't one of ours."""
        factor = self.units[unit] if unit else self.bare
        return float(Decimal(repr(number)) * Decimal(factor))


TIME: Final = Quantity(
    "a time",
    {"us": "1e-6", "ms": "1e-3", "s": "1", "m": "60", "h": "3600"},
    bare="1e-3",
)
SHARE: Final = Quantity("a share", {"%": "0.01"})
NUMBER: Final = Quantity("a plain number", {})
BYTES: Final = Quantity("bytes", _BYTES)
PER_SECOND: Final = Quantity("a rate", {"/s": "1"})
BYTES_PER_SECOND: Final = Quantity("bytes per second", {f"{unit}/s": by for unit, by in _BYTES.items()})

# Slopes are small: people think of them by the hour.
SLOPE: Final = Quantity("a slope", {"/s": "1", "/h": _PER_HOUR})
BYTES_SLOPE: Final = Quantity(
    "a slope in bytes",
    {
        **BYTES_PER_SECOND.units,
        **{f"{unit}/h": str(Decimal(by) * Decimal(_PER_HOUR)) for unit, by in _BYTES.items()},
    },
)
DRIFT: Final = Quantity("a drift", {"%/h": "0.01"})

_PER_SECOND_OF: Final = {"B": BYTES_PER_SECOND}
_SLOPE_OF: Final = {"B": BYTES_SLOPE}
# An amount in none of these is a share.
_BY_UNIT: Final = {"B": BYTES, "USD": NUMBER, "x": NUMBER, "share": SHARE}
_BY_KIND: Final = {
    Kind.TIME: TIME,
    Kind.DIFFERENCE: TIME,
    Kind.SHARE: SHARE,
    Kind.AMOUNT: SHARE,
    Kind.RATE: PER_SECOND,
    Kind.DRIFT: DRIFT,
}


def quantity_of(metric: Metric, aggregation: str) -> Quantity:
    """What an aggregation of a metric measures: the p(95) of a time is a time, its count a number."""
    if aggregation == "slope":
        return _SLOPE_OF.get(metric.unit, SLOPE)
    if aggregation == "rate" and metric.kind is Kind.COUNTER:
        return _PER_SECOND_OF.get(metric.unit, PER_SECOND)
    if aggregation == "count" and metric.kind is not Kind.COUNTER:
        return NUMBER
    return _BY_UNIT.get(metric.unit) or _BY_KIND.get(metric.kind, NUMBER)


_DURATION_UNITS: Final = {"ms": "1e-3", "s": "1", "m": "60", "h": "3600"}
_DURATION: Final = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h)\s*)+")
_DURATION_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")


def parse_duration(text: str) -> float:
    """Seconds of `500ms`, `30s`, `1m30s` or `0`; ValueError, with what is allowed, for anything else."""
    if text.strip() == "0":
        return 0.0
    if text.strip().startswith("-") and _DURATION.fullmatch(text.strip()[1:].strip()):
        raise ValueError(f"got {text}, need a duration of 0s or more")
    if not _DURATION.fullmatch(text.strip()):
        raise ValueError(f"got {text}, need a duration with its unit (ms, s, m, h), such as 30s or 1m30s")
    parts = _DURATION_PART.findall(text)
    seconds = float(sum(Decimal(number) * Decimal(_DURATION_UNITS[unit]) for number, unit in parts))
    if not math.isfinite(seconds):
        raise ValueError(f"got {text}, need a duration that ends")
    return seconds


def format_duration(seconds: float) -> str:
    """The duration as a user would write it; `parse_duration` gives back exactly the same seconds."""
    in_ms = Decimal(repr(seconds)) * 1000
    if 0 < seconds < 1 and in_ms >= 1:
        return f"{_plain(in_ms)}ms"
    return f"{_plain(Decimal(repr(seconds)))}s"


def format_number(number: float) -> str:
    """The shortest text that reads back as the same number: 100, not 100.0."""
    return repr(number).removesuffix(".0")


def format_figure(value: float, quantity: Quantity) -> str:
    """A measured value for people, in four significant digits: `87.31ms`, `0.61%`, `523.4/s`."""
    if quantity is TIME:
        return f"{_digits(value * 1000)}ms" if abs(value) < 10 else f"{_digits(value)}s"
    if quantity is SHARE:
        return f"{_digits(value * 100)}%"
    if quantity is DRIFT:
        return f"{_digits(value * 100)}%/h"
    if quantity is SLOPE:
        return f"{_digits(value * 3600)}/h"
    if quantity is BYTES_SLOPE:
        return f"{format_figure(value * 3600, BYTES)}/h"
    if quantity is PER_SECOND:
        return f"{_digits(value)}/s"
    if quantity in (BYTES, BYTES_PER_SECOND):
        suffix = "/s" if quantity is BYTES_PER_SECOND else ""
        unit = next((u for u in ("GB", "MB", "KB") if abs(value) >= float(_BYTES[u])), "B")
        return f"{_digits(value / float(_BYTES[unit]))}{unit}{suffix}"
    return _digits(value)


def _digits(value: float) -> str:
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    places = max(0, 3 - math.floor(math.log10(abs(value))))
    text = f"{value:.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _plain(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
