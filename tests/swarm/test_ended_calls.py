"""Calls that ended are counted a few dozen at a time, and none is forgotten."""

from __future__ import annotations

from collections import deque

import gevent
import pytest

from tokenswarm.metrics.call import CallRecord
from tokenswarm.swarm.ended_calls import AT_ONCE, EndedCalls


def test_calls_are_finished_together_and_then_told() -> None:
    """One fewer than a batch waits; the next one has all finished, each before any is told."""
    done: list[str] = []

    def tell(calls: deque[tuple[CallRecord, str]]) -> None:
        done.append("tell " + " ".join(user for _, user in calls))
        calls.clear()

    ended = EndedCalls(lambda record: done.append(f"finish {record.prompt}"), tell, at_once=3)
    for name in "abc":
        assert done == []
        record = CallRecord(0.0)
        record.prompt = name
        ended.add(record, name)
    assert done == ["finish a", "finish b", "finish c", "tell a b c"]
    ended.stop()


def test_no_call_waits_for_long() -> None:
    """A single call of a slow load is counted all the same."""
    told: list[CallRecord] = []

    def tell(calls: deque[tuple[CallRecord, None]]) -> None:
        told.append(calls.popleft()[0])

    ended = EndedCalls(lambda _: None, tell)
    record = CallRecord(0.0)
    ended.add(record, None)
    assert told == []
    with gevent.Timeout(10):
        while not told:
            gevent.sleep(0.01)
    assert told == [record]
    ended.stop()


def test_what_raises_takes_no_other_call_with_it() -> None:
    """A bug costs one call its turn; the others come with the next look, or at the end."""
    finished: list[CallRecord] = []

    def faulty(record: CallRecord) -> None:
        finished.append(record)
        if len(finished) == 2:
            raise ValueError("a bug")

    told: list[CallRecord] = []

    def tell(calls: deque[tuple[CallRecord, None]]) -> None:
        while calls:
            told.append(calls.popleft()[0])
            if len(told) == 3:
                raise ValueError("another")

    ended = EndedCalls(faulty, tell)
    for _ in range(AT_ONCE - 1):
        ended.add(CallRecord(0.0), None)
    for bug in ("a bug", "another"):
        with pytest.raises(ValueError, match=bug):
            ended.finish_all()
    ended.stop()
    assert len(finished) == len(told) == AT_ONCE - 1
