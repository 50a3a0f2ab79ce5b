"""A target's log: bytes → whole lines → what rules find in them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from tokenswarm.metrics.catalogue import METRICS, Kind

_LONGEST_LINE: Final = 64 * 1024  # of a longer one only the beginning is looked at
_DIGITS: Final = 4  # that a time keeps: histograms tell no more apart, and equal values travel as one


class LineSplitter:
    """Cuts what was appended into lines; half a line waits for its rest."""

    def __init__(self) -> None:
        self._rest = b""
        self._is_too_long = False

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that are whole now, without their ends."""
        *lines, rest = (self._rest + data).split(b"\n")
        if self._is_too_long and lines:
            lines, self._is_too_long = lines[1:], False  # the rest of one that was handed out already
        if len(rest) > _LONGEST_LINE:
            if not self._is_too_long:
                lines.append(rest)
            rest, self._is_too_long = b"", True
        self._rest = rest
        return [line[:_LONGEST_LINE].rstrip(b"\r") for line in lines]

    def reset(self) -> None:
        """Forget the half line: the file was begun anew."""
        self._rest, self._is_too_long = b"", False


@dataclass(frozen=True, slots=True)
class LineRule:
    """A regular expression that is searched for in every line, and the metric that it feeds.

    A counter grows by the number in the first group, or by one for each line where there is no group; a
    time or a gauge is the number in the first group. `factor` is from the log's unit to ours.
    """

    name: str
    pattern: re.Pattern[bytes]
    factor: float = 1.0

    @property
    def kind(self) -> Kind:
        return METRICS[self.name].kind


@dataclass(slots=True)
class Found:
    """What the rules found in some lines."""

    counted: dict[str, float]  # of every counter, also what did not grow
    gauges: dict[str, float]  # the last of each
    times: dict[str, Counter[float]]  # seconds → how often
    bad: Counter[str]  # name → matches whose group held no number


def look(lines: Iterable[bytes], rules: Iterable[LineRule]) -> Found:
    """Hold every line against every rule."""
    found = Found({rule.name: 0.0 for rule in rules if rule.kind is Kind.COUNTER}, {}, {}, Counter())
    by_kind = [(rule, rule.kind) for rule in rules]
    for line in lines:
        for rule, kind in by_kind:
            match = rule.pattern.search(line)
            if match is None:
                continue
            value = 1.0
            if rule.pattern.groups:
                try:
                    value = float(match[1]) * rule.factor
                except (TypeError, ValueError):  # a group that took no part, or is no number
                    found.bad[rule.name] += 1
                    continue
            if kind is Kind.COUNTER:
                found.counted[rule.name] += value
            elif kind is Kind.TIME:
                rounded = float(f"{value:.{_DIGITS}g}")
                found.times.setdefault(rule.name, Counter())[rounded] += 1
            else:
                found.gauges[rule.name] = value
    return found
