"""Finds out which gateway answers, from the marks that it leaves on its answers: `gateway: auto`.

Of those whose marks are there, an LLM gateway goes before a proxy, which may just stand in front of it, and
both before a provider, whose headers come through. Where two of one standing are, nobody can say whose cache
or upstream time is meant, so it is none, and the user is told to name one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tokenswarm.wire.gateway_signals import NONE, PRESETS, Mark, Preset
from tokenswarm.wire.json_path import steps_of
from tokenswarm.wire.signal_reader import AnswerSaid

# A gateway that shows itself does so on every answer; the first few may be errors of something in front.
ANSWERS: Final = 10


@dataclass(frozen=True, slots=True)
class Found:
    """The preset's name, or `none`, and why, for people."""

    gateway: str
    why: str


class GatewayFinder:
    """Looks at successful answers, one by one, until it has decided."""

    __slots__ = ("_looked",)

    def __init__(self) -> None:
        self._looked = 0

    def look(self, said: AnswerSaid) -> Found | None:
        """The decision, or None if it takes more answers."""
        marks = dict(_marks_on(said))
        first = min((PRESETS[name].standing for name in marks), default=None)
        candidates = [name for name in marks if PRESETS[name].standing == first]
        if len(candidates) == 1:
            return Found(candidates[0], marks[candidates[0]])
        if candidates:
            why = " and ".join(f"{name} ({marks[name]})" for name in candidates)
            return Found(NONE, f"the answers look like {why}; name the one that you test as `gateway:`")
        self._looked += 1
        if self._looked < ANSWERS:
            return None
        return Found(NONE, f"no preset's marks on the first {ANSWERS} answers")


def _marks_on(said: AnswerSaid) -> Iterator[tuple[str, str]]:
    for name, preset in PRESETS.items():
        mark = _first_mark(preset, said)
        if mark is not None:
            yield name, mark.name


def _first_mark(preset: Preset, said: AnswerSaid) -> Mark | None:
    return next((mark for mark in preset.marks if _is_on(mark, said)), None)


def _is_on(mark: Mark, said: AnswerSaid) -> bool:
    if mark.header:
        value = said.headers.get(mark.header.encode("latin-1"))
        return value is not None and re.search(mark.matches, value.decode("latin-1").strip()) is not None
    return said.body is not None and said.body.value_at(steps_of(mark.path)) is not None
