"""L2: answers to requests that are alike. What every such cache can do."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from tokenswarm.mock.proxy.asked import Alike
from tokenswarm.mock.proxy.stored import Stored


class Found(NamedTuple):
    """An answer to something alike, and how alike it was."""

    stored: Stored
    similarity: float


class SemanticCache(Protocol):
    """Never raises: a cache that is out of order finds nothing, and counts its `errors`."""

    errors: int

    async def find(self, alike: Alike) -> Found | None: ...

    async def put(self, alike: Alike, stored: Stored) -> None: ...

    async def flush(self) -> None: ...

    async def close(self) -> None: ...
