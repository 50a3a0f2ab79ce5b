"""A hit ratio that is known: a seeded share of calls is answered from the cache, whatever their prompts are.

Before there is an answer to give, a hit can't be; it is owed, and made good for as soon as one can.
"""

from __future__ import annotations

from collections import deque
from random import Random
from typing import Final

from tokenswarm.mock.proxy.stored import Stored

L1 = "l1"
L2 = "l2"
_DECK: Final = 50


class ForcedHits:
    """Draws what each call is to be. `kind` is what makes answers interchangeable: path, model and stream."""

    def __init__(self, l1_share: float, l2_share: float, rng: Random) -> None:
        self._l1_share = l1_share
        self._share = l1_share + l2_share
        self._rng = rng
        self._answers: dict[object, Stored] = {}
        self._owed: deque[str] = deque()
        self._deck: list[int] = []

    def draw(self, kind: object) -> tuple[Stored, str] | None:
        """The answer and its layer if this call is to be a hit."""
        number = self._number()
        layer = "" if number >= self._share else L1 if number < self._l1_share else L2
        stored = self._answers.get(kind)
        if stored is None:
            if layer:
                self._owed.append(layer)
            return None
        if not layer and self._owed:
            layer = self._owed.popleft()
        return (stored, layer) if layer else None

    def _number(self) -> float:
        """From 0 to 1, one from each fiftieth of it in any fifty: a short run has the ratio, too."""
        if not self._deck:
            self._deck = list(range(_DECK))
            self._rng.shuffle(self._deck)
        return (self._deck.pop() + self._rng.random()) / _DECK

    def keep(self, kind: object, stored: Stored) -> None:
        """An answer that later calls of its kind can be given."""
        self._answers.setdefault(kind, stored)

    def flush(self) -> None:
        self._answers.clear()
