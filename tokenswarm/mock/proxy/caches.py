"""All caches of a gateway as one: exact, semantic, and hits that are forced; what finds, and what keeps."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Final, NamedTuple

from tokenswarm.mock.proxy.asked import Asked
from tokenswarm.mock.proxy.exact_cache import ExactCache
from tokenswarm.mock.proxy.forced_hits import ForcedHits
from tokenswarm.mock.proxy.semantic_cache import SemanticCache
from tokenswarm.mock.proxy.stored import Stored

_LARGEST_BYTES: Final = 2**20


class Hit(NamedTuple):
    """An answer out of a cache, and how it came to be."""

    stored: Stored
    layer: str
    similarity: float | None = None
    is_forced: bool = False


@dataclass(slots=True)
class Caches:
    """Those that there are. Forced hits switch the others off: the ratio would not be known."""

    l1: ExactCache | None
    l2: SemanticCache | None
    forced: ForcedHits | None

    @property
    def is_on(self) -> bool:
        return self.l1 is not None or self.l2 is not None or self.forced is not None

    def find_at_once(self, asked: Asked, key: bytes) -> Hit | None:
        """What memory knows."""
        if self.forced is not None:
            drawn = self.forced.draw(_kind(asked))
            return Hit(drawn[0], drawn[1], None, True) if drawn else None
        if self.l1 is None:
            return None
        stored = self.l1.find(key, perf_counter())
        return Hit(stored, "l1") if stored else None

    async def find_alike(self, asked: Asked) -> Hit | None:
        """What the semantic cache knows."""
        if self.l2 is None or self.forced is not None:
            return None
        alike = asked.alike()
        found = await self.l2.find(alike) if alike is not None else None
        return Hit(found.stored, "l2", found.similarity) if found else None

    def keep(self, asked: Asked, key: bytes, stored: Stored) -> asyncio.Task[Any] | None:
        """In all caches; the task is that of the semantic one."""
        if len(stored.body) > _LARGEST_BYTES:
            return None
        if self.forced is not None:
            self.forced.keep(_kind(asked), stored)
            return None
        self.promote(key, stored)
        alike = asked.alike() if self.l2 is not None else None
        if self.l2 is None or alike is None:
            return None
        return asyncio.get_running_loop().create_task(_put(self.l2, alike, stored))

    def promote(self, key: bytes, stored: Stored) -> None:
        """Into the exact cache, where what was alike is found sooner the next time."""
        if self.l1 is not None:
            self.l1.put(key, stored, perf_counter())

    async def flush(self) -> None:
        for cache in (self.l1, self.forced):
            if cache is not None:
                cache.flush()
        if self.l2 is not None:
            await self.l2.flush()


async def _put(cache: SemanticCache, alike: Any, stored: Stored) -> None:
    await cache.put(alike, stored)


def _kind(asked: Asked) -> tuple[bytes, str, bool]:
    return asked.path, asked.model, asked.is_stream
