"""Prompts for the users of one worker: every written one in turn, and never the same text twice."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from tokenswarm.errors import ConfigurationError
from tokenswarm.prompts.corpus import Corpus, Entry
from tokenswarm.prompts.variation import Variation


# A named tuple: one is made for each call, in a third of the time that a frozen dataclass takes.
class Prompt(NamedTuple):
    """What to send, and how to label the call; `tokens` is an estimate."""

    text: str
    size_class: str
    tokens: int
    language: str
    domain: str


@dataclass(slots=True)
class _Deck:
    entries: tuple[Entry, ...]
    left: list[Entry]


class PromptSource:
    """Draws within a size class without replacement, and varies each draw.

    `namespace` must differ between all sources whose prompts may meet in one cache: the run's id and the
    worker's index, such as `"20250301T120000-w2"`. The same namespace and seed give the same prompts.
    """

    __slots__ = ("_corpus", "_decks", "_drawn", "_rng", "_variation")

    def __init__(self, corpus: Corpus, namespace: str, rng: Random) -> None:
        if not namespace:
            raise ConfigurationError(
                "prompts: the namespace is empty; give the run's id and the worker's index"
            )
        self._corpus = corpus
        self._variation = Variation(namespace)
        self._rng = rng
        self._decks: dict[str, _Deck] = {}
        self._drawn = -1  # the number of the last one

    def next(self, size_class: str) -> Prompt:
        """A prompt that this namespace never gave before; ConfigurationError for an unknown class."""
        entry = self._draw(size_class)
        varied = self._variation.vary(entry.template, self._drawn)
        return Prompt(varied.text, size_class, round(varied.weight), entry.language, entry.domain)

    def next_text(self, size_class: str) -> str:
        """The text alone of the prompt that `next` would give, which takes less time."""
        return self._variation.wording(self._draw(size_class).template, self._drawn)

    def _draw(self, size_class: str) -> Entry:
        deck = self._decks.get(size_class)
        if deck is None:
            deck = self._decks[size_class] = _Deck(self._corpus.of(size_class), [])
        if not deck.left:
            deck.left = self._rng.sample(deck.entries, len(deck.entries))
        self._drawn += 1
        return deck.left.pop()
