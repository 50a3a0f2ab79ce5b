"""What a cache made of a run, as reports show it: by why it was asked, by layer, by stage, and how truly.

Times are milliseconds, shares from 0 to 1. None where there is no figure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from tokenswarm.metrics.call import EXACT, EXPIRED, UNIQUE, VARIED
from tokenswarm.report.figures import share, whole

# arm → what it asks, in a table
ARMS: Final[Mapping[str, str]] = {
    EXACT: "the same text again",
    VARIED: "the same question in other words",
    UNIQUE: "never asked before",
    EXPIRED: "again, after the time to live",
}


@dataclass(frozen=True, slots=True)
class CacheArmRow:
    """Calls of one arm of `cache:`. Times are of successful ones."""

    name: str
    count: int  # that told of a cache
    hit_rate: float
    hit_p50_ms: float | None
    hit_p95_ms: float | None
    miss_p50_ms: float | None
    mismatches: int


@dataclass(frozen=True, slots=True)
class CacheLayerRow:
    """Calls that one layer answered, or none. Times are of successful ones, request to last byte."""

    name: str
    is_hit: bool
    count: int
    share: float  # of those that told of a cache
    min_ms: float | None
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    max_ms: float | None


@dataclass(frozen=True, slots=True)
class CacheStageRow:
    """How much was hit while a stage lasted; `exact_hit_rate` of the same questions in the same words."""

    name: str
    is_warmup: bool
    count: int
    hit_rate: float
    exact_hit_rate: float | None


@dataclass(frozen=True, slots=True)
class SentPromptsRow:
    """What was sent, warm-ups included."""

    sent: int
    distinct: int
    is_estimate: bool

    @property
    def uniqueness(self) -> float:
        """Different prompts ÷ all."""
        return self.distinct / self.sent if self.sent else 0.0


@dataclass(frozen=True, slots=True)
class CacheReport:
    """All of it. `arms`, `prompts` and `pool` are of profiles with `cache:` only."""

    hit_rate: float | None
    arms: tuple[CacheArmRow, ...]
    layers: tuple[CacheLayerRow, ...]
    stages: tuple[CacheStageRow, ...]
    prompts: SentPromptsRow | None
    pool: int  # questions that were repeated
    filled: int  # of these, asked to fill the cache before the first judged stage
    start: str  # warm or cold
    has_expired: bool  # whether any answer was asked for again after its time to live
    wants_expired: bool
    compared: int  # hits whose text could be compared with what providers answered
    unknowable: int  # hits whose text could not
    mismatches: int  # hits that were compared, and wrong

    @property
    def notes(self) -> tuple[str, ...]:
        """For people, a sentence each."""
        return tuple(self._notes())

    def _notes(self) -> Iterator[str]:
        prompts = self.prompts
        if prompts is not None:
            about = "about " if prompts.is_estimate else ""
            yield (
                f"{whole(prompts.sent)} prompts were sent, {about}{whole(prompts.distinct)} of them"
                f" different: a uniqueness of {share(prompts.uniqueness)}."
            )
        if self.start == "warm":
            some = "" if self.filled >= self.pool else "only "
            yield (
                f"Warm start: {some}{whole(self.filled)} of {whole(self.pool)} questions were asked before"
                " the judged stages."
            )
        elif self.start:
            yield f"Cold start: the {whole(self.pool)} questions of the pool had not been asked before."
        if self.wants_expired and not self.has_expired:
            yield "No answer was old enough to have expired: the run was shorter than the time to live."
        if self.compared or self.unknowable:
            yield (
                f"Hits compared with what providers had answered: {whole(self.compared)},"
                f" {whole(self.mismatches) if self.mismatches else 'none'} of them wrong."
            )
        if self.unknowable:
            yield (
                f"Hits that could not be compared: {whole(self.unknowable)}; another worker, or a call in"
                " flight, may have got that answer."
            )
