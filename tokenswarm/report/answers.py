"""Where answers came from, as reports show it: cache, providers, models, and which rules told it.

Times are milliseconds, shares from 0 to 1. None where there is no figure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tokenswarm.report.figures import share, whole

GROUPS: Final[Mapping[str, str]] = {
    "cache": "By cache",
    "provider": "By provider",
    "model": "By the model that was asked for",
}


@dataclass(frozen=True, slots=True)
class OriginRow:
    """Calls of one origin: `group` is cache, provider or model. Times are of successful ones."""

    group: str
    name: str
    count: int  # that ended
    share: float  # of all of its group
    error_rate: float
    ttft_p50_ms: float | None
    ttft_p95_ms: float | None
    latency_p50_ms: float | None
    latency_p95_ms: float | None
    latency_p99_ms: float | None
    output_tokens: int
    cost: float | None
    answered_by: tuple[str, ...] = ()  # models that say they answered, the commonest first


@dataclass(frozen=True, slots=True)
class RuleRow:
    """One rule about what answers say: how often it decided, of how many answers that it was asked about."""

    name: str
    matched: int
    asked: int
    is_own: bool  # of the target's file, not of a preset

    @property
    def state(self) -> str:
        """For people."""
        if not self.asked:
            return "never asked"
        return share(self.matched / self.asked) if self.matched else "never applied"


@dataclass(frozen=True, slots=True)
class Answers:
    """All of it. `gateway` and `why` say which preset read the answers."""

    gateway: str
    why: str
    origins: tuple[OriginRow, ...]
    rules: tuple[RuleRow, ...]
    doubts: tuple[str, ...]  # what to look at before the figures are believed

    @property
    def read_by(self) -> str:
        """One line, for people."""
        if not self.gateway:
            return ""
        because = f" ({self.why})" if self.why else ""
        told = sum(rule.matched > 0 for rule in self.rules)
        rules = f"; {told} of its {whole(len(self.rules))} rules applied" if self.rules else ""
        return f"Read as answers of {self.gateway}{because}{rules}."

    @property
    def silent_rules(self) -> tuple[RuleRow, ...]:
        """Rules that never decided anything."""
        return tuple(rule for rule in self.rules if not rule.matched)

    def of(self, group: str) -> tuple[OriginRow, ...]:
        """The rows of one group."""
        return tuple(row for row in self.origins if row.group == group)
