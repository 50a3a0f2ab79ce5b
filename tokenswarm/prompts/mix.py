"""Which kind of call comes next: shares that are exact block by block, in an order that can't be foreseen.

Independent draws miss the mix by chance: of 1,000 calls at 20 %, one run in twenty gets fewer than 175 or
more than 225, and two runs that are compared then differ in their prompts before the gateway matters.
So calls are dealt from a shuffled deck. A deck holds each entry as often as its share says; where the
shares aren't whole numbers of cards, what is owed goes over to the next deck.

Who gets how many cards is the scheduling problem of Baruah et al., "Proportionate progress" (1996):
give place n to the entry whose next card is overdue first. At the end of every deck each entry's count
is then less than one call away from its exact share, for any weights and any number of calls.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from random import Random
from types import MappingProxyType
from typing import Final, Generic, TypeVar

from tokenswarm.errors import ConfigurationError
from tokenswarm.prompts.questions import Ask

_SHORTEST_DECK: Final = 20  # shorter ones could be guessed: a deck of two is nearly an alternation
_LONGEST_DECK: Final = 200  # longer ones would let a stage of a run drift away from the mix

_ANY_MODEL: Final[Mapping[str, float]] = MappingProxyType({"": 1})

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class CallKind:
    """What distinguishes calls in a mix: size class of the prompt, streaming or not, and where to."""

    prompt: str
    stream: bool
    is_direct: bool = False  # past the gateway, straight to the provider: the paired arm
    model: str = ""  # that is asked for
    ask: Ask | None = None  # one question, in a test of a cache


def call_mix(
    prompts: Mapping[str, float],
    streaming_share: float,
    direct_share: float = 0.0,
    models: Mapping[str, float] = _ANY_MODEL,
) -> dict[CallKind, float]:
    """The weight of every kind of call; kinds that never occur are left out.

    `streaming_share` is from 0 to 1 and the same for each prompt class; so is `direct_share`, of calls
    straight to the provider, for each class, streaming or not, and of each model: both arms get the same mix.
    """
    if not 0 <= streaming_share <= 1:
        raise ConfigurationError(f"streaming: got {streaming_share}, need a share from 0 to 1 (50 % is 0.5)")
    shares = _shares(prompts)
    streaming, direct = _tidy(Fraction(streaming_share)), _tidy(Fraction(direct_share))
    asked = _shares(models)
    return {
        CallKind(prompt, stream, is_direct, model): float(share * part * arm * of_model)
        for prompt, share in shares.items()
        for stream, part in ((False, 1 - streaming), (True, streaming))
        for is_direct, arm in ((False, 1 - direct), (True, direct))
        for model, of_model in asked.items()
        if part and arm
    }


class Mix(Generic[K]):
    """Deals entries by weight. One for each worker, shared by its users, so that slow users don't skew it."""

    __slots__ = ("_dealt", "_deck", "_hand", "_parts", "_places", "_rng", "_same", "_whole")

    def __init__(self, weights: Mapping[K, float], rng: Random) -> None:
        """Weights are relative; raises ConfigurationError unless all are ≥ 0 and one is more."""
        shares = _shares(weights)
        self._rng = rng
        # Whole numbers over one denominator: exact for ever, and much faster than fractions.
        self._whole = math.lcm(*(share.denominator for share in shares.values()))
        self._parts = {entry: int(share * self._whole) for entry, share in shares.items()}
        self._deck = _deck_length(self._whole)
        self._places = 0  # dealt out over all decks so far
        self._dealt = dict.fromkeys(shares, 0)
        self._hand: list[K] = []
        self._same: list[K] = []  # the cards of every deck, where shares are whole numbers of them

    @property
    def deck_length(self) -> int:
        """After each multiple of so many draws, every count is within one of its exact share."""
        return self._deck

    def next(self) -> K:
        """The next entry. Doesn't yield to other greenlets, so users need no lock."""
        if not self._hand:
            self._hand = self._next_deck()
            self._rng.shuffle(self._hand)
        return self._hand.pop()

    def _next_deck(self) -> list[K]:
        if self._same:
            return self._same.copy()
        deck = [self._most_urgent() for _ in range(self._deck)]
        if self._deck % self._whole == 0:
            # Nothing is owed to the next deck, so all are dealt alike; the dealing is most of a draw's cost.
            self._same = deck.copy()
        return deck

    def _most_urgent(self) -> K:
        """The entry with the earliest deadline among those that have fallen behind their share."""
        self._places += 1
        due, dealt, parts, whole = self._places, self._dealt, self._parts, self._whole
        behind = [entry for entry, part in parts.items() if dealt[entry] * whole < part * due]
        # The deadline is the first place at which a missing card would put the entry a whole call behind.
        chosen = min(behind, key=lambda entry: -(-(dealt[entry] + 1) * whole // parts[entry]))
        dealt[chosen] += 1
        return chosen


def _shares(weights: Mapping[K, float]) -> dict[K, Fraction]:
    """Exact shares of those entries that have one; they sum to 1."""
    for entry, weight in weights.items():
        if not (math.isfinite(weight) and weight >= 0):
            raise ConfigurationError(f"mix: the weight of {entry} is {weight}, need a number ≥ 0")
    total = sum(map(Fraction, weights.values()))
    if not total:
        raise ConfigurationError("mix: all weights are 0 or none is given; at least one must be more")
    tidy = {entry: _tidy(Fraction(weight) / total) for entry, weight in weights.items() if weight}
    total = sum(tidy.values())
    return {entry: share / total for entry, share in tidy.items()}


def _tidy(share: Fraction) -> Fraction:
    """0.1 * 3 means 3/10 and not the binary fraction beside it; a share with no such meaning stays."""
    simple = share.limit_denominator(10_000)
    return simple if abs(simple - share) < Fraction(1, 10**12) else share


def _deck_length(period: int) -> int:
    """The shortest usable multiple of the cards that hold each share exactly, or else the longest deck."""
    if period > _LONGEST_DECK:
        return _LONGEST_DECK
    return period * math.ceil(_SHORTEST_DECK / period)
