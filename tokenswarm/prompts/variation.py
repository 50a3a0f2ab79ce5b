"""A template made into a prompt that was never sent before: slots filled, a unique reference in front.

The reference stands first, so that a cache of whole prompts misses and so does one of prompt prefixes,
which would otherwise shorten the provider's time to first token. A semantic cache may still hit.
"""

from __future__ import annotations

from typing import Final

from tokenswarm.prompts.reference import References, spell
from tokenswarm.prompts.template import Filled, Template
from tokenswarm.prompts.tokens import weigh

# As people begin a request that came out of some system of theirs. Each ends with a space.
OPENINGS: Final = (
    ("Ticket ", ": "),
    ("Request ", ": "),
    ("Ref ", ". "),
    ("Case ", ": "),
    ("[", "] "),
    ("(ref ", ") "),
    ("Re: ", " - "),
)

# Spreads neighbouring numbers over all values of the slots, independently of the reference's own digits.
_MIX: Final = 0x9E3779B97F4A7C15
_MASK: Final = (1 << 64) - 1


class Variation:
    """The variations of one namespace: `counter` n gives the same prompt each time, and no other does."""

    __slots__ = ("_openings", "_references")

    def __init__(self, namespace: str) -> None:
        self._references = References(namespace)
        # All references are spelled alike, so each opening has one weight.
        self._openings = tuple((*opening, _opening_weight(*opening)) for opening in OPENINGS)

    def vary(self, template: Template, counter: int) -> Filled:
        """Distinct for distinct counters of a namespace, whatever the templates."""
        number = self._references.number(counter)
        mixed = (number * _MIX & _MASK) >> 4
        filled = template.fill(mixed)
        before, after, weight = self._openings[number % len(self._openings)]
        return Filled(f"{before}{spell(number)}{after}{filled.text}", weight + filled.weight)

    def wording(self, template: Template, counter: int) -> str:
        """The text of `vary`, without its weight."""
        number = self._references.number(counter)
        before, after, _ = self._openings[number % len(self._openings)]
        return f"{before}{spell(number)}{after}{template.wording((number * _MIX & _MASK) >> 4)}"


def heaviest_opening() -> float:
    """The most tokens that a variation can have beyond its template's."""
    return max(_opening_weight(*opening) for opening in OPENINGS)


def _opening_weight(before: str, after: str) -> float:
    return weigh(f"{before}{spell(0)}{after}")
