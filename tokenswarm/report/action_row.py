"""What was done to the target, or befell it, and what came of it, as reports show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tokenswarm.report.figures import share, since_start, time_ms, whole

# A phase's name → what follows the action's, for people.
PHASES: Final[Mapping[str, str]] = {"during": "at first", "after": "once settled"}
PHASES_MEAN: Final = (
    "At first: until errors had passed and answers came from where they went on to come from."
    " Once settled: from then to the next action, if there was time."
)


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of the run beside an action: `name` is before, during (until it had recovered) or after.

    Its figures are of the whole intervals that it touches.
    """

    name: str
    start_s: float
    end_s: float
    requests: int
    error_rate: float | None
    latency_p50_ms: float | None
    latency_p95_ms: float | None
    ttft_p50_ms: float | None
    ttft_p95_ms: float | None
    providers: Mapping[str, float]  # name → share of the calls that named theirs

    @property
    def shown_span(self) -> str:
        """From when to when, for people."""
        return f"{since_start(self.start_s)} to {since_start(self.end_s)}"

    @property
    def shown_figures(self) -> tuple[str, ...]:
        """Calls, errors, latency and time to first token by their p50 and p95 in ms, for people."""
        times = (self.latency_p50_ms, self.latency_p95_ms, self.ttft_p50_ms, self.ttft_p95_ms)
        return (whole(self.requests), share(self.error_rate), *map(time_ms, times))

    @property
    def shown_providers(self) -> str:
        """For people, the one with the most calls first."""
        ranked = sorted(self.providers.items(), key=lambda one: -one[1])
        return ", ".join(f"{name} {share(part)}" for name, part in ranked)


@dataclass(frozen=True, slots=True)
class ActionRow:
    """Something that was done to the target, or befell it, and what came of it.

    Times that it took (`recovery_s`, `failover_s`, `return_s`) count from `at_s`.
    """

    name: str
    did: str
    at_s: float
    is_ok: bool
    said: str
    recovery_s: float | None  # None: not within the run, or before the next action
    lost: int  # calls that failed to the end of the last second over the limit
    worst_error_rate: float  # of any second
    first_failure_s: float | None
    phases: tuple[Phase, ...]
    usual_provider: str = ""  # that answered most calls before anything was done; "" if no answer says
    failover_s: float | None = None  # until another provider answered
    return_s: float | None = None  # until the usual one answered again
    is_away_at_end: bool = False  # another one still answered when the run ended

    @property
    def sentence(self) -> str:
        """For people."""
        if not self.is_ok:
            return f"{self.name} was not done: {self.said}."
        return " ".join([self._cost, *self._moves])

    def title_of(self, phase: Phase) -> str:
        """One of its phases, for people: `primary down, at first`."""
        return f"before {self.name}" if phase.name == "before" else f"{self.name}, {PHASES[phase.name]}"

    @property
    def _cost(self) -> str:
        if self.recovery_s is None:
            return f"After {self.name} it did not recover: {self.lost} calls were lost."
        if not self.lost:
            return f"{self.name} cost no call."
        calls = "1 call" if self.lost == 1 else f"{self.lost} calls"
        if not self.recovery_s:
            return f"{self.name} cost {calls}; the error rate stayed within its limit."
        were = "was" if self.lost == 1 else "were"
        return f"After {self.name} it recovered in {_tenths(self.recovery_s)}; {calls} {were} lost."

    @property
    def _moves(self) -> list[str]:
        moves = []
        if self.failover_s is not None:
            moves.append(f"Others than {self.usual_provider} answered after {_tenths(self.failover_s)}.")
        if self.return_s is not None:
            moves.append(f"{self.usual_provider} answered again after {_tenths(self.return_s)}.")
        if self.is_away_at_end:
            moves.append(f"{self.usual_provider} did not answer again before the run ended.")
        return moves


def _tenths(seconds: float) -> str:
    """As exactly as it is known; no time at all would be too good to be true."""
    return f"{seconds:.1f} s" if seconds >= 0.05 else "less than 0.1 s"
