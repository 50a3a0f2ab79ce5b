"""A Redis that the target uses, asked for its INFO again and again."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Final

from tokenswarm.metrics.catalogue import METRICS, Kind
from tokenswarm.monitors.reader import Counting, Found, MonitorError, Point
from tokenswarm.monitors.redis_info import number_of, parse_info
from tokenswarm.monitors.spec import RedisSpec

if TYPE_CHECKING:
    from redis.connection import AbstractConnection

_TIMEOUT_S: Final = 5.0


class RedisReader:
    """Reads fields of INFO over one kept connection."""

    def __init__(self, spec: RedisSpec) -> None:
        self.label = spec.label
        self._spec = spec
        self._connection: AbstractConnection | None = None
        self._counting = Counting()
        self._before: dict[str, float] = {}
        self._seen: set[str] = set()

    def read(self) -> Found:
        """Ask once."""
        fields = parse_info(self._info())
        at_s, found = time.monotonic(), Found()
        for name, field in self._spec.values.items():
            value = number_of(fields.get(field, ""))
            if value is None:
                continue
            self._seen.add(name)
            if METRICS[name].kind is not Kind.COUNTER:
                found.points.append(Point(at_s, name, value))
                continue
            before, is_first = self._before.get(name), self._counting.is_first
            self._before[name] = value
            found.points += self._counting.begin(name, at_s)
            if not is_first:
                # Less than before: it was started anew, or told CONFIG RESETSTAT.
                grown = value if before is None or value < before else value - before
                found.points.append(Point(at_s, name, grown))
        self._counting.done(at_s)
        return found

    def unseen(self) -> tuple[str, ...]:
        return tuple(f"{n} ({self._spec.values[n]})" for n in self._spec.wanted if n not in self._seen)

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.disconnect()  # type: ignore[no-untyped-call]  # the library's

    def _info(self) -> bytes:
        from redis.exceptions import RedisError

        try:
            if self._connection is None:
                self._connection = self._connect()
            self._connection.send_command("INFO")  # type: ignore[no-untyped-call]  # the library's
            answer = self._connection.read_response()
        except (RedisError, OSError, ValueError) as error:
            self.close()
            raise MonitorError(_one_line(error)) from None
        if not isinstance(answer, bytes | str):
            raise MonitorError(f"INFO was answered with {type(answer).__name__}")
        return answer if isinstance(answer, bytes) else answer.encode()

    def _connect(self) -> AbstractConnection:
        # The library knows TLS, users and passwords, sockets and IPv6; imported here, for it takes a while.
        import redis

        pool = redis.ConnectionPool.from_url(
            self._spec.url,
            password=os.environ.get(self._spec.password_env) if self._spec.password_env else None,
            socket_timeout=_TIMEOUT_S,
            socket_connect_timeout=_TIMEOUT_S,
        )
        connection: AbstractConnection = pool.get_connection()
        return connection


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
