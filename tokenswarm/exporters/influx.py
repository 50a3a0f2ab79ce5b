"""Sends a run's figures to InfluxDB, version 1 or 2, while it goes; an outage costs points, never the run."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, urlsplit

import gevent
import httpx

from tokenswarm.errors import ConfigurationError
from tokenswarm.exporters.influx_lines import InfluxLines
from tokenswarm.metrics.series import Delta
from tokenswarm.metrics.standing import Standing

_EVERY_S: Final = 5.0
_MOST_WAITING: Final = 120  # batches: ten minutes of an outage
_TIMEOUT_S: Final = 3.0
_AT_END_S: Final = 10.0
_REFUSED_FROM, _REFUSED_TO = 400, 500


@dataclass(frozen=True, slots=True)
class InfluxTarget:
    """Where points are written, and with what right; the secrets are of the environment."""

    url: str
    headers: Mapping[str, str]
    user: tuple[str, str] | None

    @classmethod
    def read(cls, url: str, environ: Mapping[str, str]) -> InfluxTarget:
        """ConfigurationError if `url` is no address to write to."""
        parts = urlsplit(url)
        query = parse_qs(parts.query)
        is_v2 = parts.path.endswith("/api/v2/write")
        needed = ("org", "bucket") if is_v2 else ("db",)
        missing = [name for name in needed if name not in query]
        if parts.scheme not in ("http", "https") or not parts.path.endswith("/write") or missing:
            raise ConfigurationError(
                f"--influx {_without_secret(url)}: need the address that points are written to:"
                " http://HOST:8086/write?db=NAME (version 1), or"
                " http://HOST:8086/api/v2/write?org=NAME&bucket=NAME (version 2)"
            )
        if parts.username or "p" in query or "u" in query:
            raise ConfigurationError(
                "--influx: no user or password in the address, where others see it: set INFLUX_TOKEN, or"
                " INFLUX_USER and INFLUX_PASSWORD"
            )
        token = environ.get("INFLUX_TOKEN")
        user, password = environ.get("INFLUX_USER"), environ.get("INFLUX_PASSWORD", "")
        headers = {"Authorization": f"Token {token}"} if token else {}
        return cls(url, headers, (user, password) if user and not token else None)


class InfluxExport:
    """One run's points: a batch every few seconds, in order, as long as there is room for them."""

    def __init__(
        self, target: InfluxTarget, standing: Callable[[], Standing], say: Callable[[str], None]
    ) -> None:
        self._target = target
        self._standing = standing
        self._say = say
        self._lines = InfluxLines()
        self._waiting: deque[list[str]] = deque()
        self._client = httpx.Client(timeout=_TIMEOUT_S, headers=dict(target.headers), auth=target.user)
        self.sent = 0  # points
        self.dropped = 0
        self.problem = ""  # the first one
        self._loop = gevent.spawn(self._run)

    def absorb(self, delta: Delta) -> None:
        """Add what was measured."""
        self._lines.absorb(delta)

    def close(self) -> None:
        """Send what is left; bounded."""
        self._loop.kill()
        self._collect()
        until_s = time.monotonic() + _AT_END_S
        while self._waiting and time.monotonic() < until_s and self._send_first():
            pass
        self.dropped += sum(len(batch) for batch in self._waiting)
        self._waiting.clear()
        self._client.close()

    def _run(self) -> None:
        while True:
            gevent.sleep(_EVERY_S)
            self._collect()
            while self._waiting and self._send_first():
                pass

    def _collect(self) -> None:
        lines = self._lines.take(self._standing(), time.time_ns())
        self._waiting.append(lines)
        if len(self._waiting) > _MOST_WAITING:
            self.dropped += len(self._waiting.popleft())

    def _send_first(self) -> bool:
        """Whether the oldest batch is done with: taken, or refused for good."""
        batch = self._waiting[0]
        try:
            answer = self._client.post(self._target.url, content="\n".join(batch).encode())
        except httpx.HTTPError as error:
            self._complain(f"can't be reached: {error or type(error).__name__}")
            return False
        if answer.is_success:
            self.sent += len(batch)
        elif _REFUSED_FROM <= answer.status_code < _REFUSED_TO:
            # The same bytes would be refused again.
            self._complain(f"refused points with status {answer.status_code}: {answer.text[:200].strip()}")
            self.dropped += len(batch)
        else:
            self._complain(f"answered with status {answer.status_code}")
            return False
        # The run may have been closed, and the queue emptied, while we waited for the answer.
        if self._waiting and self._waiting[0] is batch:
            self._waiting.popleft()
        return True

    def _complain(self, what: str) -> None:
        if not self.problem:
            self.problem = what
            self._say(f"InfluxDB {what}; the run goes on, and points wait for up to ten minutes")


def influx_of(url: str) -> InfluxTarget:
    """The target that the option names, with the environment's secrets; ConfigurationError."""
    return InfluxTarget.read(url, os.environ)


def _without_secret(url: str) -> str:
    return url.rsplit("@", maxsplit=1)[-1].split("?", maxsplit=1)[0]
