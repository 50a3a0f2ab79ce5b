"""Which answers of a cache can be proven wrong, and which only look so."""

from __future__ import annotations

from hashlib import blake2b

import pytest

from tokenswarm.metrics.call import CallRecord
from tokenswarm.swarm.known_answers import Doubt, KnownAnswers

QUESTION = ("run", 3)


class Asker:
    """Makes calls with one question."""

    def __init__(self) -> None:
        self.known = KnownAnswers()

    def began(self) -> None:
        self.known.began(QUESTION)

    def ended(self, cache: str, text: str, *, is_own: bool = True, outcome: str = "success") -> Doubt | None:
        call = CallRecord(0.0)
        call.question, call.cache, call.outcome = QUESTION, cache, outcome
        call.text_hash, call.output_chars = blake2b(text.encode()), len(text)
        return self.known.ended(call, is_own=is_own)

    def asked(self, cache: str, text: str, **more: bool | str) -> Doubt | None:
        self.began()
        return self.ended(cache, text, **more)


@pytest.fixture
def asker() -> Asker:
    return Asker()


def test_a_hit_that_repeats_an_answer_is_right(asker: Asker) -> None:
    """That of the first miss, or of a later one: a provider may word each answer anew."""
    assert asker.asked("miss", "one") is None
    assert asker.asked("miss", "two") is None
    assert asker.asked("hit", "one") is Doubt.KNOWN
    assert asker.asked("hit", "two") is Doubt.KNOWN


def test_a_hit_with_another_text_is_wrong_each_time(asker: Asker) -> None:
    """Also the second time; a wrong answer isn't learnt."""
    asker.asked("miss", "one")
    assert [asker.asked("hit", "on") for _ in range(2)] == [Doubt.WRONG, Doubt.WRONG]


def test_a_hit_before_any_answer_is_wrong(asker: Asker) -> None:
    """It can only be another question's."""
    assert asker.asked("hit", "one") is Doubt.WRONG


def test_what_another_worker_may_have_been_told_is_left_open(asker: Asker) -> None:
    """Its answers aren't known here."""
    assert asker.asked("hit", "one", is_own=False) is Doubt.UNKNOWABLE


def test_an_answer_that_is_still_on_its_way_may_be_in_the_cache_already(asker: Asker) -> None:
    """Once it is here, the same text is known, and any other is wrong."""
    asker.began()
    assert asker.asked("hit", "one") is Doubt.UNKNOWABLE
    assert asker.ended("miss", "one") is None
    assert asker.asked("hit", "one") is Doubt.KNOWN
    assert asker.asked("hit", "two") is Doubt.WRONG


def test_an_answer_that_was_cut_excuses_one_text(asker: Asker) -> None:
    """The cache may have had the whole of it; what excuses it once makes it known."""
    asker.asked("miss", "one")
    asker.asked("", "on", outcome="timeout_total")
    assert asker.asked("hit", "two") is Doubt.UNKNOWABLE
    assert asker.asked("hit", "two") is Doubt.KNOWN
    assert asker.asked("hit", "three") is Doubt.WRONG


def test_a_refused_call_excuses_nothing(asker: Asker) -> None:
    """Nobody answered, so nothing was stored."""
    asker.asked("", "", outcome="rate_limited")
    asker.began()
    asker.known.gave_up(QUESTION)
    assert asker.asked("hit", "one") is Doubt.WRONG


def test_more_answers_than_are_kept_leave_the_rest_open(asker: Asker) -> None:
    """Memory has an end; what lies beyond it is not held against the cache."""
    for number in range(200):
        asker.asked("miss", str(number))
    assert asker.asked("hit", "199") is Doubt.KNOWN
    assert asker.asked("hit", "0") is Doubt.UNKNOWABLE
