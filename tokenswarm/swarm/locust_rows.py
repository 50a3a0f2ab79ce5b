"""Tells Locust of ended calls: many at a time, unless somebody else listens to its `request` event too."""

from __future__ import annotations

from collections import deque
from functools import lru_cache
from typing import Final, Protocol

from locust.env import Environment
from locust.event import EventHook
from locust.exception import StopUser
from locust.stats import RequestStats

from tokenswarm.metrics.call import EXPECTED, GATEWAY, INTERRUPTED, PROVIDER, SUCCESS, CallRecord
from tokenswarm.swarm.locust_log import log_requests

# Locust knows no arms: calls past the gateway have rows of their own.
_BEFORE: Final = {GATEWAY: "", PROVIDER: "provider "}
_NO_FAILURES: Final = (SUCCESS, EXPECTED)


class CallFailed(Exception):  # noqa: N818 - its name is what Locust's failure table shows
    """What Locust's failure table shows of a failed call: its class and status, so that rows stay few."""


class RowUser(Protocol):
    """A Locust user, as far as its rows go."""

    environment: Environment
    row: str  # what they begin with
    method: str  # what stands in Locust's column of methods

    def stop(self) -> bool:
        """Stop before the next call."""


Ended = tuple[CallRecord, RowUser]
_Row = tuple[str, str, str, str, bool]  # method, what it begins with, arm, prompt, stream


def tell_locust(ended: deque[Ended]) -> None:
    """Have Locust count these calls, all of one process, and empty the queue."""
    environment = ended[0][1].environment
    if _has_only_its_own(environment.events.request):
        _count(environment.stats, ended)
        return
    while ended:
        _fire(*ended.popleft())


def _has_only_its_own(event: EventHook) -> bool:
    """Whether nobody but Locust's own statistics listens: then it needn't be fired for each call."""
    return [listener.__module__ for listener in event._handlers] == ["locust.runners"]


def _count(stats: RequestStats, ended: deque[Ended]) -> None:
    rows: dict[_Row, list[CallRecord]] = {}
    for record, user in ended:
        if record.outcome != INTERRUPTED:
            row = (user.method, user.row, record.arm, record.prompt, record.stream)
            rows.setdefault(row, []).append(record)
    ended.clear()
    for (method, *parts), records in rows.items():
        name = _name_of(*parts)
        times_ms = [
            None
            if one.sent_at_s is None or one.ended_at_s is None
            else (one.ended_at_s - one.sent_at_s) * 1000
            for one in records
        ]
        log_requests(stats, method, name, times_ms, sum([one.bytes_received for one in records]))
        for record in [one for one in records if one.outcome not in _NO_FAILURES]:
            stats.log_error(method, name, _failure(record))


def _fire(record: CallRecord, user: RowUser) -> None:
    if record.outcome == INTERRUPTED:
        return
    latency_s = record.latency_s
    try:
        user.environment.events.request.fire(
            request_type=user.method,
            name=_name_of(user.row, record.arm, record.prompt, record.stream),
            response_time=None if latency_s is None else latency_s * 1000,
            response_length=record.bytes_received,
            exception=None if record.outcome in _NO_FAILURES else _failure(record),
            context={},
        )
    except StopUser:
        user.stop()  # a listener wants this user to end, who may be in its next call


@lru_cache
def _name_of(row: str, arm: str, prompt: str, stream: bool) -> str:
    return f"{_BEFORE[arm]}{row} {prompt} {'stream' if stream else 'plain'}"


def _failure(record: CallRecord) -> CallFailed:
    return CallFailed(f"{record.outcome} {record.status}" if record.status else record.outcome)
