"""All that a gateway can say of one call in its answer's headers, at the moment when the head is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tokenswarm.mock.proxy.upstream import Upstream

HIT: Final = "hit"
MISS: Final = "miss"
BYPASS: Final = "bypass"
OFF: Final = "off"  # there is no cache


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at one upstream: a status, or why there was none."""

    upstream: Upstream
    status: int | None
    error: str | None
    ms: float


@dataclass(frozen=True, slots=True)
class Facts:
    """Times are ms; None where it can't be known yet, as the whole time of a stream."""

    number: bytes  # the call's id
    cache: str  # HIT, MISS, BYPASS or OFF
    layer: str  # l1, l2 or empty
    key: bytes
    similarity: float | None
    model: str
    provider: str
    attempts: tuple[Attempt, ...]
    upstream_head_ms: float | None
    upstream_ms: float | None
    overhead_ms: float | None
    total_ms: float
    cost_usd: float | None
    is_stream: bool

    @property
    def fallbacks(self) -> int:
        return max(0, len(self.attempts) - 1)
