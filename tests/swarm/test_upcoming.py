"""Calls are made ready a few in a row, and each is given out once, in the order in which it was drawn."""

from __future__ import annotations

from tokenswarm.metrics.call import CallRecord
from tokenswarm.prompts.mix import CallKind
from tokenswarm.swarm.upcoming import ReadyCall, Upcoming
from tokenswarm.wire.dialect import Request


class Deck:
    """Deals kinds whose models are numbered."""

    def __init__(self) -> None:
        self.dealt = 0

    def next(self) -> CallKind:
        self.dealt += 1
        return CallKind("short", stream=False, model=str(self.dealt))


def ready(kind: CallKind) -> ReadyCall:
    return ReadyCall(kind, "gateway", Request("/", kind.model.encode()), CallRecord())


def test_calls_come_in_the_order_of_the_draw() -> None:
    """Nothing is left out or given twice where one handful ends and the next begins."""
    deck = Deck()
    upcoming = Upcoming(deck, ready, ahead=4)
    assert [upcoming.next().request.body for _ in range(10)] == [b"%d" % n for n in range(1, 11)]
    assert deck.dealt == 12  # a handful at a time, so the mix of what is sent is never further off than that


def test_nothing_is_drawn_before_it_is_wanted_if_none_may_wait() -> None:
    """With a cache on trial, what one call found decides what the next one asks."""
    deck = Deck()
    upcoming = Upcoming(deck, ready, ahead=1)
    assert deck.dealt == 0
    for n in range(1, 4):
        upcoming.next()
        assert deck.dealt == n
