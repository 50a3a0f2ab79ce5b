"""Whether a cache's answer was ever given to that question: by the answers that came from providers before.

    known        a provider gave this answer to the question, whatever the wording
    wrong        nobody did: it is garbled, or another question's
    unknowable   somebody may have, out of our sight

A provider may give each call another answer, and a cache may hold any of them, in several copies and with
several ages. So "the first answer" is any that a miss brought. What we can't see: answers to other workers,
answers that were cut, and those that are still on their way, when the cache has them already.
"""

from __future__ import annotations

from collections import OrderedDict
from enum import Enum
from typing import Final

from tokenswarm.metrics.call import EXPECTED, CallRecord
from tokenswarm.metrics.spent import HIT

_MOST_ANSWERS: Final = 64  # of one question; a cache that understands rewording may hold many
MOST_QUESTIONS: Final = 20_000
# After these nothing can have been stored: there was no answer.
_UNANSWERED: Final = frozenset({"connect", "tls", "timeout_connect", "http_4xx", "rate_limited", EXPECTED})

Question = tuple[str, int]


class Doubt(Enum):
    """What can be said of an answer out of a cache."""

    KNOWN = "known"
    WRONG = "wrong"
    UNKNOWABLE = "unknowable"


class _Known:
    """All that is known of one question's answers, as hashes."""

    __slots__ = ("answers", "has_forgotten", "in_flight", "unseen")

    def __init__(self) -> None:
        self.answers: OrderedDict[bytes, None] = OrderedDict()
        self.in_flight = 0
        self.unseen = 0  # answers that a provider may have begun, and we never saw
        self.has_forgotten = False

    def add(self, answer: bytes) -> None:
        self.answers[answer] = None
        self.answers.move_to_end(answer)
        if len(self.answers) > _MOST_ANSWERS:
            self.answers.popitem(last=False)
            self.has_forgotten = True


class KnownAnswers:
    """Of one process. Bounded: beyond MOST_QUESTIONS, nothing is said of a question."""

    def __init__(self) -> None:
        self._questions: dict[Question, _Known] = {}

    def was_asked(self, question: Question) -> bool:
        """Whether a call with this question was made before."""
        return question in self._questions

    def began(self, question: Question) -> None:
        """A call with this question is about to be made."""
        known = self._questions.get(question)
        if known is None:
            if len(self._questions) >= MOST_QUESTIONS:
                return
            known = self._questions[question] = _Known()
        known.in_flight += 1

    def gave_up(self, question: Question) -> None:
        """The call was refused, and is made anew as another one."""
        known = self._questions.get(question)
        if known is not None:
            known.in_flight -= 1

    def ended(self, call: CallRecord, *, is_own: bool) -> Doubt | None:
        """Learn from a call that ended; what can be said of its answer, if that came from a cache.

        `is_own`: no other worker asks this question.
        """
        assert call.question is not None, "only calls with a question are looked at"
        known = self._questions.get(call.question)
        if known is None:
            return Doubt.UNKNOWABLE if call.cache == HIT else None
        known.in_flight -= 1
        if not call.is_success or call.text_hash is None or not call.output_chars:
            known.unseen += call.outcome not in _UNANSWERED
            return None
        answer = call.text_hash.digest()
        if call.cache != HIT:
            known.add(answer)
            return None
        return self._judge(known, answer, is_own=is_own)

    @staticmethod
    def _judge(known: _Known, answer: bytes, *, is_own: bool) -> Doubt:
        if answer in known.answers:
            known.answers.move_to_end(answer)
            return Doubt.KNOWN
        if known.unseen:
            # It may be one of those; the next time it is known.
            known.unseen -= 1
            known.add(answer)
            return Doubt.UNKNOWABLE
        if not is_own or known.in_flight or known.has_forgotten:
            return Doubt.UNKNOWABLE
        return Doubt.WRONG
