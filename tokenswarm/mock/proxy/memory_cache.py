"""L2 in the memory of one process."""

from __future__ import annotations

from itertools import count
from time import monotonic

from tokenswarm.mock.proxy.asked import Alike
from tokenswarm.mock.proxy.ngrams import vector_of
from tokenswarm.mock.proxy.semantic_cache import Found
from tokenswarm.mock.proxy.stored import Stored
from tokenswarm.mock.proxy.vector_index import VectorIndex


class MemoryCache:
    """Answers and their vectors, the latest `size` of them, each for `ttl_s`."""

    def __init__(self, similarity: float, ttl_s: float, size: int) -> None:
        self.errors = 0
        self._similarity = similarity
        self._ttl_s = ttl_s
        self._index = VectorIndex(size)
        self._answers: dict[str, tuple[float, Stored]] = {}
        self._numbers = count()

    async def find(self, alike: Alike) -> Found | None:
        vector = vector_of(alike.text)
        while True:
            near = self._index.nearest(alike.scope, vector)
            if near is None or near.similarity < self._similarity:
                return None
            expires_s, stored = self._answers[near.name]
            if monotonic() < expires_s:
                return Found(stored, near.similarity)
            self._index.remove(near.name)
            del self._answers[near.name]

    async def put(self, alike: Alike, stored: Stored) -> None:
        name = str(next(self._numbers))
        self._answers[name] = (monotonic() + self._ttl_s, stored)
        gone = self._index.add(alike.scope, name, vector_of(alike.text))
        if gone is not None:
            del self._answers[gone]

    async def flush(self) -> None:
        self._index.clear()
        self._answers.clear()

    async def close(self) -> None:
        pass
