"""A written prompt with «slots» that take natural values, and what it weighs with any of them.

«name» is a slot: guillemets, because braces, brackets and dollar signs all occur in code.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from tokenswarm.errors import ConfigurationError
from tokenswarm.prompts.tokens import weigh

_SLOT: Final = re.compile(r"«([a-z]+)»")
_TOUCHING: Final = re.compile(r"[A-Za-z0-9]«|»[A-Za-z0-9]")
_NEAR: Final = 2  # how far the token estimate looks around a piece


class Value(NamedTuple):
    """What a slot can hold, and how many tokens more than the slot's first value it weighs."""

    text: str
    extra_tokens: float


# A named tuple: two are made for each call, in a third of the time that frozen dataclasses take.
class Filled(NamedTuple):
    """A template with its slots filled, and the estimate of its tokens before rounding."""

    text: str
    weight: float


@dataclass(frozen=True, slots=True)
class Template:
    """Text with slots; a slot that occurs twice takes the same value in both places."""

    text: str
    slots: tuple[tuple[Value, ...], ...]
    pieces: tuple[str, ...]  # the text between the slots, with an empty piece where each slot stands
    gaps: tuple[int, ...]  # which slot stands at each empty piece
    weight: float  # with the first value in each slot, after a space

    def fill(self, number: int) -> Filled:
        """One of the variations; numbers below the product of the slots' value counts give them all once."""
        chosen = []
        weight = self.weight
        for values in self.slots:
            value, extra_tokens = values[number % len(values)]
            number //= len(values)
            chosen.append(value)
            weight += extra_tokens
        pieces = list(self.pieces)
        pieces[1::2] = [chosen[gap] for gap in self.gaps]
        return Filled("".join(pieces), weight)

    def wording(self, number: int) -> str:
        """The text of `fill`, in a third of its time: for each call of a load nobody asks for the weight."""
        chosen = []
        for values in self.slots:
            count = len(values)
            chosen.append(values[number % count].text)
            number //= count
        pieces = list(self.pieces)
        pieces[1::2] = [chosen[gap] for gap in self.gaps]
        return "".join(pieces)

    @property
    def lightest(self) -> float:
        """Tokens of the variation that has the fewest."""
        return self.weight + sum(min(value.extra_tokens for value in values) for values in self.slots)

    @property
    def heaviest(self) -> float:
        """Tokens of the variation that has the most."""
        return self.weight + sum(max(value.extra_tokens for value in values) for values in self.slots)


def parse_template(text: str, values: Mapping[str, Sequence[str]]) -> Template:
    """Raises ConfigurationError for a text without slots, an unknown slot, or one that touches a word."""
    split = _SLOT.split(text)  # text, slot's name, text, …, text
    names = list(dict.fromkeys(split[1::2]))
    if not names:
        raise ConfigurationError(
            "no «slot» in it; put one where it can vary naturally, such as «name» or «count»"
        )
    if unknown := [name for name in names if name not in values]:
        raise ConfigurationError(f"unknown slot «{unknown[0]}»; known are {', '.join(sorted(values))}")
    if touching := _TOUCHING.search(text):
        raise ConfigurationError(f"a slot touches a letter or digit at {touching.group()!r}; keep them apart")
    first = _SLOT.sub(lambda slot: values[slot[1]][0], text)
    slots = tuple(_weighed(values[name], text, name, values) for name in names)
    pieces = tuple("" if i % 2 else piece for i, piece in enumerate(split))
    return Template(text, slots, pieces, tuple(map(names.index, split[1::2])), weigh(" " + first))


def _weighed(
    candidates: Sequence[str], text: str, name: str, values: Mapping[str, Sequence[str]]
) -> tuple[Value, ...]:
    """Each candidate with what it adds over all places of the slot, weighed between its neighbours."""
    extra_tokens = [0.0] * len(candidates)
    for place in re.finditer(f"«{name}»", text):
        before, after = (
            _SLOT.sub(lambda slot: values[slot[1]][0], part)
            for part in (text[: place.start()], text[place.end() :])
        )
        weights = [weigh((" " + before)[-_NEAR:] + value + after[:_NEAR]) for value in candidates]
        extra_tokens = [
            extra + weight - weights[0] for extra, weight in zip(extra_tokens, weights, strict=True)
        ]
    return tuple(map(Value, candidates, extra_tokens))
