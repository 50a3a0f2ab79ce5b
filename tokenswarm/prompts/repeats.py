"""Which question is asked next to try a cache, and why: repeats, other words, news, what it should forget.

    exact    a question of the pool, by its popularity, always with the same text, kind and model
    varied   the same questions, in words that were never sent
    unique   a question that nobody asked before
    expired  a unique one once more, when its time in the cache is over; as long as none is due, a unique one

Each question of the pool has one kind of call, so that asking it again is the same request. Kinds are dealt
to the pool's questions as they are to calls elsewhere: shares of calls hold as far as popularity lets them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from random import Random
from typing import Final

from tokenswarm.metrics.call import EXACT, EXPIRED, UNIQUE, VARIED
from tokenswarm.prompts.mix import CallKind, Mix
from tokenswarm.prompts.popularity import Part, Popularity
from tokenswarm.prompts.questions import Ask

_MOST_RIPENING: Final = 2_000
# Clocks of caches tick in seconds, and an entry is as young as the end of the call that it came from.
_LATER_S: Final = 1.0
_LATER_SHARE: Final = 0.05


class Phase(Enum):
    """What the moment is for."""

    FILL = "fill"  # a warm-up before a warm start: each question of the pool once, then the arms' shares
    UNSEEN = "unseen"  # a warm-up before a cold start: nothing of the pool
    TEST = "test"


@dataclass(frozen=True, slots=True)
class Pool:
    """What all workers share. `space` differs from run to run, `arms` are weights, `zipf` is the exponent."""

    space: str
    size: int
    arms: Mapping[str, float]
    zipf: float = 0.0
    ttl_s: float | None = None


class Repeats:
    """One worker's draws for its users of one class; `kinds` and `direct` are weights of calls."""

    def __init__(
        self,
        pool: Pool,
        part: Part,
        kinds: Mapping[CallKind, float],
        direct: Mapping[CallKind, float],
        rng: Random,
    ) -> None:
        self.pool_space = pool.space
        # Its own, and nobody else's: what is unique must be so among all workers.
        self._own_space = f"{pool.space}/{part.number}/{rng.getrandbits(64)}"
        self._part = part
        self._ttl_s = pool.ttl_s
        dealt = Mix(kinds, Random(pool.space))
        self._pool = [dealt.next() for _ in range(pool.size)]
        self._popularity = Popularity(pool.size, pool.zipf, part, rng)
        self._fill = self._popularity.begun()
        past = sum(direct.values())  # the share of calls that go past the gateway, and test no cache
        arms = {arm: weight / sum(pool.arms.values()) * (1 - past) for arm, weight in pool.arms.items()}
        self._arms = Mix({**arms, "": past}, rng)
        self._news = Mix(kinds, rng)
        self._direct = Mix(direct, rng) if direct else None
        self._asked = 0  # unique questions so far
        self._wordings: dict[int, int] = {}
        self._ripening: deque[tuple[float, CallKind]] = deque()
        self._filled = 0

    @property
    def spaces(self) -> tuple[str, str]:
        """Where its questions are from: the pool, and its own."""
        return self.pool_space, self._own_space

    def take_filled(self) -> int:
        """How many questions of the pool were asked to fill the cache, since the last time."""
        filled, self._filled = self._filled, 0
        return filled

    def next(self, now_s: float, phase: Phase) -> CallKind:
        """The next call. Doesn't yield to other greenlets, so users need no lock."""
        arm = self._arms.next()
        if not arm:
            assert self._direct is not None, "calls go past the gateway only where there is a way"
            return self._new(self._direct.next(), "")
        if phase is Phase.FILL:
            number = next(self._fill, None)
            if number is not None:
                self._filled += 1
                return self._again(EXACT, number)
        if phase is Phase.UNSEEN:
            return self._new(self._news.next(), UNIQUE)
        if arm == EXPIRED:
            due = self._due(now_s)
            return due if due is not None else self._new(self._news.next(), UNIQUE)
        if arm == UNIQUE:
            return self._new(self._news.next(), UNIQUE)
        return self._again(arm, self._popularity.next())

    def was_stored(self, kind: CallKind, at_s: float) -> None:
        """A unique question got an answer that the cache will have kept; asked again when that is old."""
        if self._ttl_s is not None and len(self._ripening) < _MOST_RIPENING:
            self._ripening.append((at_s + self._ttl_s * (1 + _LATER_SHARE) + _LATER_S, kind))

    def is_own(self, question: tuple[str, int]) -> bool:
        """Whether no other worker asks this question."""
        space, number = question
        return space != self.pool_space or self._popularity.is_own(number)

    def _due(self, now_s: float) -> CallKind | None:
        if not self._ripening or self._ripening[0][0] > now_s:
            return None
        _, kind = self._ripening.popleft()
        assert kind.ask is not None
        return replace(kind, ask=kind.ask._replace(arm=EXPIRED))

    def _new(self, kind: CallKind, arm: str) -> CallKind:
        self._asked += 1
        return replace(kind, ask=Ask(arm, self._own_space, self._asked))

    def _again(self, arm: str, number: int) -> CallKind:
        wording = 0
        if arm == VARIED:
            # Workers take turns, so that no two of them find the same words.
            turn = self._wordings.get(number, 0)
            self._wordings[number] = turn + 1
            wording = 1 + turn * self._part.of + self._part.number
        return replace(self._pool[number], ask=Ask(arm, self.pool_space, number, wording))
