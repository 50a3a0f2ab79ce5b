"""One process's trial of a cache: what its calls are labelled, and which answers it calls wrong."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from tokenswarm.metrics.call import EXACT, EXPIRED, UNIQUE, VARIED, CallRecord
from tokenswarm.profile.cache import Cache
from tokenswarm.prompts.mix import CallKind, call_mix
from tokenswarm.prompts.popularity import Part
from tokenswarm.swarm.cache_trial import CacheTrial, Draws

KINDS = call_mix({"short": 1}, 0.5, models={"m": 1})
SIZES = ("short", "medium", "long")


class Trial:
    """Makes calls and lets a cache answer them."""

    def __init__(self, *, is_warmup: bool = False, **cache: Any) -> None:
        self.trial = CacheTrial(Cache(**cache), "run", Part(), lambda _at_s: is_warmup, Random(1))
        self.draws: Draws = self.trial.draws(SIZES, KINDS)

    def next(self, arm: str) -> CallKind:
        """The next kind of call of this arm."""
        return next(kind for kind in iter(self.draws.next, None) if kind.ask and kind.ask.arm == arm)

    def answered(self, kind: CallKind, cache: str, text: str, *, ended_at_s: float = 0.0) -> CallRecord:
        """A call of this kind whose answer came like this."""
        assert kind.ask is not None
        self.trial.text_of(kind.ask, kind.prompt)
        record = CallRecord(0.0)
        record.prompt, record.stream, record.requested_model = kind.prompt, kind.stream, kind.model
        self.trial.prepare(record, kind.ask)
        record.cache, record.output_chars, record.ended_at_s = cache, len(text), ended_at_s
        if record.text_hash is not None:
            record.text_hash.update(text.encode())
        self.trial.finish(record)
        return record


@pytest.fixture
def trial() -> Trial:
    return Trial(exact=1, varied=1, unique=1, pool=1)


def test_a_garbled_hit_is_a_failure_of_its_own(trial: Trial) -> None:
    """Of an exact repeat and of another wording alike; the right text is none."""
    exact, varied = trial.next(EXACT), trial.next(VARIED)
    assert trial.answered(exact, "miss", "blue").outcome == "success"
    assert trial.answered(exact, "hit", "blue").outcome == "success"
    assert trial.answered(varied, "hit", "blue").outcome == "success"
    for kind in (exact, varied):
        wrong = trial.answered(kind, "hit", "blu")
        assert wrong.outcome == "cache_mismatch"
        assert wrong.detail == "the cache gave an answer that no provider gave to this question"
    assert trial.trial.take_counts() == {"hits_compared": 4}


def test_a_hit_of_what_nobody_asked_before_is_wrong(trial: Trial) -> None:
    """Its answer can only be another question's."""
    assert trial.answered(trial.next(UNIQUE), "hit", "blue").outcome == "cache_mismatch"


def test_a_repeat_is_known_as_one(trial: Trial) -> None:
    """The first ask is none; what was asked before in other words may be answered by a cache as well."""
    asked = [trial.answered(trial.next(arm), "miss", "x") for arm in (EXACT, VARIED, EXACT, UNIQUE)]
    assert [record.is_repeat for record in asked] == [False, True, True, False]
    assert [record.cache_arm for record in asked] == [EXACT, VARIED, EXACT, UNIQUE]


def test_what_was_answered_is_asked_again_when_its_time_is_over() -> None:
    """A miss is no failure then, and neither is a hit: only the time to live isn't kept."""
    trial = Trial(exact=1, unique=1, expired=1, ttl="1s", pool=1)
    asked = trial.next(UNIQUE)
    trial.answered(asked, "miss", "blue", ended_at_s=-10.0)  # long ago, on a clock that began before
    again = trial.next(EXPIRED)
    assert again.ask is not None
    assert asked.ask is not None
    assert again.ask.question == asked.ask.question
    assert trial.answered(again, "hit", "blue").outcome == "success"


def test_a_fill_is_counted_and_prompts_are_told_apart() -> None:
    """Two questions of the pool, once each; a third call repeats one."""
    trial = Trial(exact=1, start="warm", pool=2, is_warmup=True)
    for _ in range(3):
        trial.answered(trial.next(EXACT), "miss", "x")
    assert trial.trial.take_counts() == {"pool_filled": 2}
    assert trial.trial.prompts.facts() == {"sent": 3, "distinct": 2, "is_estimate": False}
    assert trial.trial.prompts_to_tell(at_once=True) is trial.trial.prompts
    assert trial.trial.prompts_to_tell(at_once=False) is None
