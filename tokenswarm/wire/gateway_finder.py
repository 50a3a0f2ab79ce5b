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

from tokenswarm.wire.gateway_signals import NONE, PRESETS, Mark, Preset, Standing
from tokenswarm.wire.json_path import steps_of
from tokenswarm.wire.signal_reader import AnswerSaid

# A proxy's or a provider's marks may be all that the first answers show: streams and whole answers differ.
ANSWERS: Final = 10
NO_MARKS: Final = "no preset's marks"


@dataclass(frozen=True, slots=True)
class Found:
    """The preset's name, or `none`, and why, for people."""

    gateway: str
    why: str


class GatewayFinder:
    """Looks at successful answers, one by one; `is_done` once no further one can change its mind."""

    __slots__ = ("_looked", "_marks", "is_done")

    def __init__(self) -> None:
        self._looked = 0
        self._marks: dict[str, str] = {}  # preset → the mark that was seen first
        self.is_done = False

    def look(self, said: AnswerSaid) -> Found:
        """What the answers so far, this one among them, look like."""
        for name, why in _marks_on(said):
            self._marks.setdefault(name, why)
        self._looked += 1
        first = min((PRESETS[name].standing for name in self._marks), default=None)
        self.is_done = first is Standing.GATEWAY or self._looked >= ANSWERS
        candidates = {name: why for name, why in self._marks.items() if PRESETS[name].standing is first}
        if not candidates:
            return Found(NONE, f"{NO_MARKS} on the first {self._looked} answers")
        if len(candidates) == 1:
            return Found(*candidates.popitem())
        looks = " and ".join(f"{name} ({why})" for name, why in candidates.items())
        return Found(NONE, f"the answers look like {looks}; name the one that you test as `gateway:`")


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
