"""L2 in Redis: answers under keys that expire, and a stream of vectors that every gateway follows.

    PREFIX:index          stream: scope, name and vector of each answer, the latest `size` of them
    PREFIX:answer:NAME    one answer, for `ttl_s`

Each gateway keeps its own index of the vectors and asks, with every look-up, for those that others have
added since. An answer that has expired meanwhile is found missing, and its vector dropped.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any, Final, TypeVar

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from tokenswarm.errors import ConfigurationError
from tokenswarm.mock.proxy.asked import Alike
from tokenswarm.mock.proxy.ngrams import Vector, vector_of
from tokenswarm.mock.proxy.semantic_cache import Found
from tokenswarm.mock.proxy.stored import Stored
from tokenswarm.mock.proxy.vector_index import VectorIndex, pack, unpack

PREFIX: Final = "tokenswarm:mock-gateway:l2"
_INDEX: Final = f"{PREFIX}:index"
_TIMEOUT_S: Final = 0.5
# After an error Redis is left alone for so long: an outage must not cost every call a timeout.
_PAUSE_S: Final = 1.0
_BATCH: Final = 1000
_T = TypeVar("_T")


class RedisCache:
    """Shared by all gateways that are given the same URL."""

    def __init__(self, url: str, similarity: float, ttl_s: float, size: int) -> None:
        try:
            # No retries: they would be waited for by a call, and the next call is a retry anyway.
            self._redis = redis.asyncio.from_url(
                url,
                socket_timeout=_TIMEOUT_S,
                socket_connect_timeout=_TIMEOUT_S,
                retry=Retry(NoBackoff(), 0),
            )
        except ValueError as error:
            raise ConfigurationError(f"--redis {url}: {error}; need redis://HOST:PORT/DB") from None
        self.errors = 0
        self._similarity = similarity
        self._ttl_ms = max(1, round(ttl_s * 1000))
        self._size = size
        self._index = VectorIndex(size)
        self._last_seen: bytes | str = "0"
        self._paused_until_s = 0.0

    async def find(self, alike: Alike) -> Found | None:
        return await self._guarded(lambda: self._find(alike))

    async def put(self, alike: Alike, stored: Stored) -> None:
        await self._guarded(lambda: self._put(alike, stored))

    async def flush(self) -> None:
        self._index.clear()
        await self._guarded(self._flush)

    async def close(self) -> None:
        await self._redis.aclose()

    async def _guarded(self, action: Callable[[], Awaitable[_T]]) -> _T | None:
        if monotonic() < self._paused_until_s:
            self.errors += 1
            return None
        try:
            return await action()
        except (RedisError, OSError) as error:
            if not self.errors:
                sys.stderr.write(f"mock gateway: Redis fails, going on without L2: {error}\n")
            self.errors += 1
            self._paused_until_s = monotonic() + _PAUSE_S
            return None

    async def _find(self, alike: Alike) -> Found | None:
        await self._follow()
        vector = vector_of(alike.text)
        while True:
            near = self._index.nearest(alike.scope, vector)
            if near is None or near.similarity < self._similarity:
                return None
            data: Any = await self._redis.get(f"{PREFIX}:answer:{near.name}")
            if data is not None:
                try:
                    return Found(Stored.unpack(data), near.similarity)
                except (ValueError, KeyError, TypeError):
                    self.errors += 1  # another program's, or another version's
            self._index.remove(near.name)

    async def _put(self, alike: Alike, stored: Stored) -> None:
        name = os.urandom(8).hex()
        entry: dict[Any, Any] = {"scope": alike.scope, "name": name, "vector": pack(vector_of(alike.text))}
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.set(f"{PREFIX}:answer:{name}", stored.pack(), px=self._ttl_ms)
            pipe.xadd(_INDEX, entry, maxlen=self._size)
            await pipe.execute()

    async def _follow(self) -> None:
        """Take in what was added since the last look."""
        while True:
            streams = await self._redis.xread({_INDEX: self._last_seen}, count=_BATCH)
            entries = _entries_of(streams)
            for number, entry in entries:
                self._last_seen = number
                try:
                    scope, name, vector = _read(entry)
                except (KeyError, ValueError):
                    self.errors += 1  # another program's, or another version's
                    continue
                self._index.add(scope, name, vector)
            if len(entries) < _BATCH:
                return

    async def _flush(self) -> None:
        names = [name async for name in self._redis.scan_iter(match=f"{PREFIX}:*", count=_BATCH)]
        if names:
            await self._redis.delete(*names)


def _entries_of(streams: Any) -> list[tuple[bytes, dict[bytes, bytes]]]:
    """RESP2 answers with a list of streams, RESP3 with a map of lists of batches."""
    if not streams:
        return []
    if isinstance(streams, dict):
        (batches,) = streams.values()
        return [entry for batch in batches for entry in batch]
    return list(streams[0][1])


def _read(entry: dict[bytes, bytes]) -> tuple[bytes, str, Vector]:
    return entry[b"scope"], entry[b"name"].decode(), unpack(entry[b"vector"])
