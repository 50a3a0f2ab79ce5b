"""How many prompts were sent, and how many of them differed: of one process, or of all together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from tokenswarm.metrics.distinct import MOST_KEPT, DistinctCount

PROMPTS: Final = "tokenswarm_prompts"  # our key in Locust's report from worker to master
MOST_BYTES: Final = 8 * MOST_KEPT
EVERY_S: Final = 30.0  # 32 kB: not in each report


@dataclass(slots=True)
class SentPrompts:
    """Since the run's start."""

    sent: int = 0
    distinct: DistinctCount = field(default_factory=DistinctCount)

    def add(self, text: str) -> None:
        """One that is about to be sent."""
        self.sent += 1
        self.distinct.add(text)

    def to_wire(self) -> dict[str, Any]:
        """Plain types for Locust's messages."""
        return {"sent": self.sent, "hashes": self.distinct.pack()}

    @classmethod
    def from_wire(cls, data: Mapping[str, Any]) -> Self:
        """What `to_wire` wrote; ValueError for rubbish."""
        return cls(data["sent"], DistinctCount.unpack(data["hashes"]))

    @classmethod
    def sum(cls, parts: Iterable[Self]) -> Self:
        """Of all processes, each of which asks some questions that others ask, too."""
        whole = cls()
        for part in parts:
            whole.sent += part.sent
            whole.distinct.merge(part.distinct)
        return whole

    def facts(self) -> dict[str, Any]:
        """For an event of the run folder."""
        distinct = min(self.sent, self.distinct.estimate)
        return {"sent": self.sent, "distinct": distinct, "is_estimate": not self.distinct.is_exact}
