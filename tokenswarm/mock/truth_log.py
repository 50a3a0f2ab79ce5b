"""Reads a truth log: what the mock really did to each call, to hold a client's figures against it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any, Final

_MS: Final = 0.001


@dataclass(frozen=True, slots=True)
class Write:
    """Content chunks that left in one write; the kernel had them between the two times.

    Seconds on the machine's monotonic clock, which on Linux is `time.monotonic()` of every process.
    """

    from_s: float
    to_s: float
    chunks: int


@dataclass(frozen=True)
class Truth:
    """One call as the mock played it."""

    id: str
    received_s: float  # the request was read whole
    ended_s: float  # the last byte was written
    status: int
    ending: str
    output_tokens: int
    first_output: int | None  # the first of the writes with output that isn't reasoning
    writes: tuple[Write, ...]

    @cached_property
    def chunks(self) -> int:
        return sum(write.chunks for write in self.writes)


def read_truths(path: Path) -> dict[str, Truth]:
    """All calls in the log, by the id of their answers; changes made by /admin are left out."""
    entries = map(json.loads, path.read_text().splitlines())
    return {entry["id"]: _truth_of(entry) for entry in entries if "event" not in entry}


def _truth_of(entry: dict[str, Any]) -> Truth:
    received_s = entry["monotonic_s"]
    times = list(zip(entry["chunks_ms"], entry["handed_ms"], strict=True))
    groups = [(chunk_ms, list(group)) for chunk_ms, group in groupby(times, key=lambda time: time[0])]
    starts_ms = [chunk_ms for chunk_ms, _ in groups]
    first_output_ms = entry["ttfo_ms"]
    return Truth(
        id=entry["id"],
        received_s=received_s,
        ended_s=received_s + entry["total_ms"] * _MS,
        status=entry["status"],
        ending=entry["ending"],
        output_tokens=entry["output_tokens"],
        first_output=None if first_output_ms is None else starts_ms.index(first_output_ms),
        writes=tuple(
            Write(received_s + chunk_ms * _MS, received_s + group[-1][1] * _MS, len(group))
            for chunk_ms, group in groups
        ),
    )
