"""Points on their way to InfluxDB, version 1 or 2: in batches, in order, as long as there is room for them.

    204, or another 2xx    taken
    401, 403, 404          no right, or no such place: they wait, for both can be mended while a run goes
    429, 503               they wait, at least as long as Retry-After says
    413                    too much at once: sent in halves
    400, 422               a point in it can't be taken: sent in halves, until only that one is lost
    any other 4xx          lost: the same bytes would be refused again
    else, or no answer     they wait

A point that is sent twice replaces itself: its tags and its time are the same.
"""

from __future__ import annotations

import email.utils
import json
import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

import httpx

from tokenswarm.exporters.influx_target import InfluxTarget

_MOST_BATCHES: Final = 120  # ten minutes of an outage
_MOST_CHARACTERS: Final = 32_000_000
_TIMEOUT_S: Final = 3.0
# Of one round: where all points are refused, looking for the bad one would never end.
_MOST_HALVINGS: Final = 24
_MOST_SAID: Final = 200  # characters of the server's own words

_CLOSED: Final = (401, 403, 404)
_BUSY: Final = (429, 503)
_TOO_LARGE: Final = 413
_BAD_POINT: Final = (400, 422)
_UNREACHABLE: Final = 0  # in place of a status

_WAIT: Final = "the run goes on, and points wait for up to ten minutes"
_LOST: Final = "the run goes on without those points"


class InfluxSender:
    """One run's points that InfluxDB has not taken yet; `sent` and `lost` count the others."""

    def __init__(
        self, target: InfluxTarget, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._target = target
        self._say = say
        self._clock = clock
        self._waiting: deque[Sequence[str]] = deque()
        self._client = httpx.Client(timeout=_TIMEOUT_S, headers=dict(target.headers), auth=target.user)
        self._problems: dict[int, str] = {}
        self._halvings_left = _MOST_HALVINGS
        self.not_before_s = -math.inf  # by the clock; the server asked for that
        self.sent = self.lost = 0

    @property
    def waiting(self) -> int:
        """Points that are still to be sent."""
        return sum(map(len, self._waiting))

    @property
    def problem(self) -> str:
        """What InfluxDB did wrong, each thing once, as it began: "can't be reached: …"; "" for nothing."""
        return ", ".join(self._problems.values())

    def add(self, lines: Sequence[str]) -> None:
        """One more batch, of one time; the oldest ones are lost if there is no more room."""
        if lines:
            self._waiting.append(lines)
        while len(self._waiting) > _MOST_BATCHES or self._characters() > _MOST_CHARACTERS:
            self.lost += len(self._waiting.popleft())

    def send(self, until_s: float = math.inf) -> None:
        """As much as InfluxDB takes now, but not beyond that time of the clock."""
        self._halvings_left = _MOST_HALVINGS
        while self._waiting and self.not_before_s <= self._clock() < until_s and self._send_first():
            pass

    def close(self) -> None:
        """What still waits is lost."""
        self.lost += self.waiting
        self._waiting.clear()
        self._client.close()

    def _characters(self) -> int:
        return sum(len(line) for batch in self._waiting for line in batch)

    def _send_first(self) -> bool:
        """Whether the oldest batch is done with: taken, halved, or lost."""
        batch = self._waiting[0]
        try:
            answer = self._client.post(self._target.url, content="\n".join(batch).encode())
        except httpx.HTTPError as error:
            self._complain(_UNREACHABLE, f"can't be reached: {error or type(error).__name__}", _WAIT)
            return False
        status, said = answer.status_code, f"(status {answer.status_code}{_words_of(answer)})"
        if answer.is_success:
            self.sent += len(self._waiting.popleft())
        elif status in _CLOSED:
            self._complain(status, self._closed(status, said), _WAIT)
            return False
        elif status in _BUSY:
            self.not_before_s = self._clock() + _retry_after_s(answer.headers.get("Retry-After", ""))
            self._complain(status, f"has no time for our points {said}", _WAIT)
            return False
        elif len(batch) > 1 and (status == _TOO_LARGE or self._may_halve(status)):
            self._waiting.popleft()
            middle = len(batch) // 2
            self._waiting.extendleft((batch[middle:], batch[:middle]))
        elif status == _TOO_LARGE or 400 <= status < 500:
            self._complain(status, f"refused points {said}", _LOST)
            self.lost += len(self._waiting.popleft())
        else:
            self._complain(status, f"answered {said}", _WAIT)
            return False
        return True

    def _may_halve(self, status: int) -> bool:
        if status not in _BAD_POINT or not self._halvings_left:
            return False
        self._halvings_left -= 1
        return True

    def _closed(self, status: int, said: str) -> str:
        place = self._target.shown
        if status == 404:
            return f"has no {place} {said}"
        return f"does not let us write to {place} {said}: {self._target.right}"

    def _complain(self, status: int, what: str, then: str) -> None:
        if status not in self._problems:
            self._problems[status] = what
            self._say(f"InfluxDB {what}; {then}")


def _words_of(answer: httpx.Response) -> str:
    """Version 2 has a message, version 1 an error; a proxy before it says anything."""
    text = answer.text[: 10 * _MOST_SAID]
    try:
        row = json.loads(text)
        text = str(row.get("message") or row.get("error") or "")
    except (ValueError, AttributeError):
        pass
    words = " ".join(text.split())[:_MOST_SAID]
    return f": {words}" if words else ""


def _retry_after_s(value: str) -> float:
    """Seconds or a date, RFC 9110; 0 for anything else."""
    try:
        return max(0.0, float(int(value)))
    except (ValueError, OverflowError):
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return 0.0
