"""Questions that can be asked again: the n-th of a space is always the same, in ever so many wordings.

Prompts for tests of caches. Unlike the corpus's they are about different things and not just worded
differently, so that a semantic cache takes none for another. A space is a name, such as a run's id: the same
space and number give the same question, and no other space ever has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import islice
from typing import Final, NamedTuple

import yaml

from tokenswarm.prompts.reference import References, spell
from tokenswarm.prompts.source import Prompt
from tokenswarm.prompts.template import Template, parse_template
from tokenswarm.prompts.tokens import weigh

_MASK: Final = (1 << 64) - 1
# Bounds of the size classes are in corpus.py; a detail has about 20 tokens, a question with its reference 45.
_DETAILS: Final = {"short": 0, "medium": 3, "long": 9}
_DOMAIN: Final = "conversational"


class Ask(NamedTuple):
    """One way to ask a question: `arm` is why it is asked, of CACHE_ARMS; `wording` 0 is the first."""

    arm: str
    space: str
    number: int
    wording: int = 0

    @property
    def question(self) -> tuple[str, int]:
        """What makes two asks the same question."""
        return self.space, self.number


@dataclass(frozen=True, slots=True)
class _Book:
    """questions.yaml, read."""

    questions: tuple[Template, ...]
    details: tuple[Template, ...]
    openings: tuple[str, ...]
    closings: tuple[str, ...]

    @property
    def wordings(self) -> int:
        """Of each question, the first one left out."""
        return len(self.openings) * len(self.closings) * 2


class Questions:
    """All questions of all spaces."""

    def __init__(self) -> None:
        self._book = _book()
        self._spaces: dict[str, References] = {}

    @property
    def wordings(self) -> int:
        """So many other wordings differ in words; beyond them a number does."""
        return self._book.wordings

    def write(self, ask: Ask, size_class: str) -> Prompt:
        """The prompt; equal for equal `space`, `number`, `wording` and size."""
        references = self._spaces.get(ask.space)
        if references is None:
            references = self._spaces[ask.space] = References(ask.space)
        number = references.number(ask.number)
        draw = _Draw(number)
        book = self._book
        parts = [draw.fill(book.questions)]
        parts += draw.fill_some(book.details, _DETAILS[size_class])
        reference = spell(number)
        text, weight = " ".join(part.text for part in parts), sum(part.weight for part in parts)
        if not ask.wording:
            text = f"Ticket {reference}: {text}"
        else:
            text = self._reworded(text, reference, ask.wording - 1)
        return Prompt(text, size_class, round(weight + _reference_weight()), "english", _DOMAIN)

    def _reworded(self, text: str, reference: str, wording: int) -> str:
        book = self._book
        turn, place = divmod(wording, book.wordings)
        place = place * _stride(book.wordings) % book.wordings  # neighbours begin and end differently
        place, opening = divmod(place, len(book.openings))
        is_last, closing = divmod(place, len(book.closings))
        before, after = (f"Ticket {reference}: ", "") if not is_last else ("", f" Ticket {reference}.")
        again = f" ({turn + 1})" if turn else ""
        return f"{book.openings[opening]}{before}{text}{after}{book.closings[closing]}{again}"


class _Filled(NamedTuple):
    text: str
    weight: float


class _Draw:
    """Numbers that follow from one number, each as if by chance: splitmix64 (Steele et al., 2014)."""

    __slots__ = ("_state",)

    def __init__(self, seed: int) -> None:
        self._state = seed

    def next(self) -> int:
        self._state = (self._state + 0x9E3779B97F4A7C15) & _MASK
        mixed = self._state
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9 & _MASK
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB & _MASK
        return mixed ^ (mixed >> 31)

    def fill(self, templates: Sequence[Template]) -> _Filled:
        return self._filled(templates[self.next() % len(templates)])

    def fill_some(self, templates: Sequence[Template], count: int) -> list[_Filled]:
        """So many different ones, in an order of its own."""
        left = list(templates)
        chosen = (left.pop(self.next() % len(left)) for _ in range(len(templates)))
        return [self._filled(template) for template in islice(chosen, count)]

    def _filled(self, template: Template) -> _Filled:
        filled = template.fill(self.next())
        return _Filled(filled.text[0].upper() + filled.text[1:], filled.weight)


@cache
def _book() -> _Book:
    data = yaml.safe_load(files("tokenswarm.prompts").joinpath("questions.yaml").read_text("utf-8"))
    slots = data["slots"]
    return _Book(
        tuple(parse_template(text, slots) for text in data["questions"]),
        tuple(parse_template(text, slots) for text in data["details"]),
        tuple(data["openings"]),
        tuple(data["closings"]),
    )


@cache
def _reference_weight() -> float:
    return weigh(f"Ticket {spell(0)}: ")


def _stride(count: int) -> int:
    """Coprime to the count, and near its golden section."""
    stride = round(count * 0.618)
    while any(count % prime == 0 and stride % prime == 0 for prime in (2, 3, 5, 7, 11, 13)):
        stride += 1
    return stride
