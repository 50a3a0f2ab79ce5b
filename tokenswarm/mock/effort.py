"""What a mock's process spent, and how late its event loop woke: all mocks tell it in the same words."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from prometheus_client import Metric


@dataclass(frozen=True, slots=True)
class Effort:
    """Of a process, up to now."""

    lag: tuple[tuple[float, int], ...]  # (upper bound in s, wake-ups no later than that), the last bound inf
    cpu_s: float
    memory_bytes: int

    @classmethod
    def told_by(cls, families: Iterable[Metric]) -> Self:
        """What a mock's /metrics page says of it."""
        single: dict[str, float] = {}
        lag: list[tuple[float, int]] = []
        for family in families:
            for sample in family.samples:
                if sample.name == "tokenswarm_mock_loop_lag_seconds_bucket":
                    lag.append((float(sample.labels["le"]), int(sample.value)))
                elif not sample.labels:
                    single[sample.name] = sample.value
        return cls(
            tuple(lag),
            # Only Linux tells these about itself.
            single.get("process_cpu_seconds_total", 0.0),
            int(single.get("process_resident_memory_bytes", 0)),
        )

    def lag_quantile_s(self, share: float, since: Effort | None = None) -> float | None:
        """An upper bound of the event loop's lag at this quantile; None if nothing was due."""
        before = dict(since.lag) if since is not None else {}
        counts = [(bound_s, count - before.get(bound_s, 0)) for bound_s, count in self.lag]
        total = counts[-1][1] if counts else 0
        if total <= 0:
            return None
        return next(bound_s for bound_s, count in counts if count >= share * total)

    @property
    def longest_bound_s(self) -> float:
        """The last finite one: it stands for all that is beyond it where infinity can't be written."""
        return max(bound_s for bound_s, _ in self.lag if math.isfinite(bound_s))
