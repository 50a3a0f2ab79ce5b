"""Vectors by name, searched for the nearest within a scope; the oldest goes when it is full."""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

import numpy as np

from tokenswarm.mock.proxy.ngrams import DIMENSIONS, Vector


class Near(NamedTuple):
    """A neighbour, and the cosine."""

    name: str
    similarity: float


class VectorIndex:
    """A few thousand vectors: one product with all of them takes a tenth of a millisecond for a thousand."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._scopes: dict[bytes, OrderedDict[str, Vector]] = {}
        self._matrices: dict[bytes, tuple[list[str], Vector]] = {}  # made when searched
        self._order: OrderedDict[str, bytes] = OrderedDict()

    def __len__(self) -> int:
        return len(self._order)

    def add(self, scope: bytes, name: str, vector: Vector) -> str | None:
        """The name of what had to go, if anything had to."""
        self._order[name] = scope
        self._scopes.setdefault(scope, OrderedDict())[name] = vector
        self._matrices.pop(scope, None)
        if len(self._order) <= self._size:
            return None
        oldest = next(iter(self._order))
        self.remove(oldest)
        return oldest

    def remove(self, name: str) -> None:
        scope = self._order.pop(name, None)
        if scope is None:
            return
        del self._scopes[scope][name]
        self._matrices.pop(scope, None)
        if not self._scopes[scope]:
            del self._scopes[scope]

    def nearest(self, scope: bytes, vector: Vector) -> Near | None:
        vectors = self._scopes.get(scope)
        if not vectors:
            return None
        if scope not in self._matrices:
            self._matrices[scope] = (list(vectors), np.stack(list(vectors.values())))
        names, matrix = self._matrices[scope]
        cosines = matrix @ vector
        best = int(np.argmax(cosines))
        return Near(names[best], float(cosines[best]))

    def clear(self) -> None:
        self._scopes.clear()
        self._matrices.clear()
        self._order.clear()


def pack(vector: Vector) -> bytes:
    """Half precision: enough to tell 0.85 from 0.851."""
    return vector.astype(np.float16).tobytes()


def unpack(data: bytes) -> Vector:
    """ValueError for what pack didn't write."""
    vector = np.frombuffer(data, dtype=np.float16).astype(np.float32)
    if vector.shape != (DIMENSIONS,):
        raise ValueError(f"{len(vector)} dimensions")
    return vector
