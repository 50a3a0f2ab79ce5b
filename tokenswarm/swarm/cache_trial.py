"""What one process does to try a cache: which questions it asks, and what it learns of their answers."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from hashlib import blake2b
from random import Random
from typing import Final

from tokenswarm.metrics.call import EXPIRED, UNIQUE, CallRecord
from tokenswarm.metrics.series import HITS_COMPARED, HITS_UNKNOWABLE, POOL_FILLED
from tokenswarm.metrics.spent import HIT
from tokenswarm.profile.cache import Cache
from tokenswarm.prompts.mix import CallKind
from tokenswarm.prompts.popularity import Part
from tokenswarm.prompts.questions import Ask, Questions
from tokenswarm.prompts.repeats import Phase, Pool, Repeats
from tokenswarm.swarm.known_answers import Doubt, KnownAnswers
from tokenswarm.swarm.sent_prompts import EVERY_S, SentPrompts

MISMATCH: Final = "cache_mismatch"
_WARM: Final = "warm"
_HASH_BYTES: Final = 12


class Draws:
    """What the users of one class draw from, as they would from a mix."""

    __slots__ = ("_phase_at", "repeats")

    def __init__(self, repeats: Repeats, phase_at: Callable[[float], Phase]) -> None:
        self.repeats = repeats
        self._phase_at = phase_at

    def next(self) -> CallKind:
        """The next kind of call, with its question."""
        now_s = time.monotonic()
        return self.repeats.next(now_s, self._phase_at(now_s))


class CacheTrial:
    """One process's part of it. `is_warmup` says whether a moment of our clock is in a warm-up stage."""

    def __init__(
        self, cache: Cache, run_id: str, part: Part, is_warmup: Callable[[float], bool], rng: Random
    ) -> None:
        self._cache = cache
        self._run_id = run_id
        self._part = part
        self._is_warmup = is_warmup
        self._rng = rng
        self._questions = Questions()
        self._known = KnownAnswers()
        self._draws: dict[tuple[str, ...], Draws] = {}
        self._spaces: dict[str, Repeats] = {}
        self._counts: Counter[str] = Counter()
        self.prompts = SentPrompts()
        self._told_at_s = 0.0

    def draws(self, sizes: tuple[str, ...], kinds: Mapping[CallKind, float]) -> Draws:
        """What the users of these size classes share; each such class of users has a pool of its own."""
        draws = self._draws.get(sizes)
        if draws is None:
            cache = self._cache
            space = f"{self._run_id}/{'+'.join(sizes)}"
            pool = Pool(space, cache.pool, cache.arms, cache.zipf, cache.ttl_s)
            through = {kind: weight for kind, weight in kinds.items() if not kind.is_direct}
            past = {kind: weight for kind, weight in kinds.items() if kind.is_direct}
            repeats = Repeats(pool, self._part, through, past, self._rng)
            draws = self._draws[sizes] = Draws(repeats, self._phase_at)
            self._spaces.update(dict.fromkeys(repeats.spaces, repeats))
        return draws

    def text_of(self, ask: Ask, size_class: str) -> str:
        """The prompt of a call that is about to be made."""
        text = self._questions.write(ask, size_class).text
        self.prompts.add(text)
        return text

    def prepare(self, record: CallRecord, ask: Ask) -> None:
        """Label the record of a call, or of another attempt at it."""
        record.cache_arm = ask.arm
        record.question = ask.question
        if self._is_pooled(ask.question):
            record.is_repeat = self._known.was_asked(ask.question)
            record.text_hash = blake2b(digest_size=_HASH_BYTES)
            self._known.began(ask.question)
        else:
            record.is_repeat = ask.arm == EXPIRED

    def gave_up(self, record: CallRecord) -> None:
        """An attempt was refused, and will be made again."""
        if record.question is not None and self._is_pooled(record.question):
            self._known.gave_up(record.question)

    def finish(self, record: CallRecord) -> None:
        """Learn from a call that ended and whose cache is known; a wrong hit is a failure."""
        question = record.question
        if question is None:
            return
        repeats = self._spaces[question[0]]
        if self._is_pooled(question):
            doubt = self._known.ended(record, is_own=repeats.is_own(question))
        else:
            doubt = _doubt_of_news(record)
            if record.cache_arm == UNIQUE and record.is_success and record.cache != HIT:
                assert record.ended_at_s is not None
                repeats.was_stored(_kind_of(record), record.ended_at_s)
        if doubt is None:
            return
        self._counts[HITS_UNKNOWABLE if doubt is Doubt.UNKNOWABLE else HITS_COMPARED] += 1
        if doubt is Doubt.WRONG:
            record.outcome = MISMATCH
            layer = f"{record.cache_layer} " if record.cache_layer else ""
            record.detail = f"the {layer}cache gave an answer that no provider gave to this question"

    def take_counts(self) -> Counter[str]:
        """What was counted since the last time."""
        counts, self._counts = self._counts, Counter()
        counts[POOL_FILLED] = sum(draws.repeats.take_filled() for draws in self._draws.values())
        return +counts

    def prompts_to_tell(self, *, at_once: bool) -> SentPrompts | None:
        """What was sent so far, for the master; now and then, and at the end."""
        now_s = time.monotonic()
        if not at_once and now_s - self._told_at_s < EVERY_S:
            return None
        self._told_at_s = now_s
        return self.prompts

    def _is_pooled(self, question: tuple[str, int]) -> bool:
        return self._spaces[question[0]].pool_space == question[0]

    def _phase_at(self, now_s: float) -> Phase:
        if not self._is_warmup(now_s):
            return Phase.TEST
        return Phase.FILL if self._cache.start == _WARM else Phase.UNSEEN


def _doubt_of_news(record: CallRecord) -> Doubt | None:
    """Of a question that was never asked before no cache can have the answer."""
    if record.cache != HIT or not record.is_success or record.cache_arm != UNIQUE:
        return None
    return Doubt.WRONG


def _kind_of(record: CallRecord) -> CallKind:
    assert record.question is not None, "only calls with a question are asked again"
    ask = Ask(record.cache_arm, *record.question)
    return CallKind(record.prompt, record.stream, model=record.requested_model, ask=ask)
