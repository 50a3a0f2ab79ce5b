"""What a load generator may do before its figures are its own and not the target's: the only list of limits.

docs/health.md explains each; a test compares the two. Reports judge by them, and live views show them.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit: a figure beyond it makes a run `bad`, which is invalid, or is a `warning`."""

    name: str
    value: float  # seconds, cores or a share
    shown: str
    state: str
    means: str
    mend: str

    def said(self, figure: str) -> str:
        """The clause of a check that found it broken."""
        return f"{figure} ({self.shown} is allowed): {self.means}; {self.mend}"


_MORE: Final = "use more workers, fewer users, or another machine"

_ROWS: Final = (
    Limit(
        "generator_cpu",
        0.95,
        "less than 95% of a core, but for 20% of the time",
        "bad",
        "the generator had no time to spare, and what it measured is its own slowness",
        _MORE,
    ),
    Limit(
        "generator_cpu_peak",
        0.90,
        "less than 90% of a core",
        "warning",
        "times of that moment may be the generator's own",
        _MORE,
    ),
    Limit(
        "generator_lag",
        0.050,
        "50 ms at p99",
        "bad",
        "answers waited in the generator before it looked at them",
        _MORE,
    ),
    Limit(
        "gc_pause",
        0.050,
        "50 ms at most",
        "warning",
        "every answer that came meanwhile looks slower than it was",
        "use more workers, each with fewer users",
    ),
    Limit(
        "schedule_delay",
        0.050,
        "50 ms at p99",
        "warning",
        "users were ready and their calls were not under way",
        "see whether connections are slow to open; else use more workers or fewer users",
    ),
    Limit(
        "schedule_delay_open",
        0.010,
        "10 ms at p99",
        "warning",
        "calls left later than the schedule says, so the load was less even than planned",
        "see whether connections are slow to open; else use more workers or a lower rate",
    ),
    Limit(
        "late_rate",
        0.01,
        "1%",
        "bad",
        "the generator could not keep to its schedule, so this was not the planned load",
        "use more workers, a lower rate, or another machine",
    ),
    Limit(
        "delivered_rate",
        0.99,
        "at least 99%",
        "bad",
        "calls of the plan were never made, and nothing dropped them",
        "use more workers, a lower rate, or another machine",
    ),
    Limit(
        "dropped_rate",
        0.005,
        "0.5%",
        "bad",
        "max_in_flight calls were under way, so the planned load was not delivered",
        "raise max_in_flight, or the target is too slow for this rate (give dropped_rate a threshold to judge"
        " that)",
    ),
    Limit(
        "users",
        0.95,
        "at least 95%",
        "bad",
        "the planned load was not applied",
        "use more workers, fewer users, or longer stages",
    ),
    Limit(
        "mock_lag",
        0.020,
        "20 ms at p99",
        "bad",
        "the mock itself was too slow, and the run measured the mock",
        "use fewer users or a lower rate, or start the mock on another machine and name it with --target",
    ),
)

LIMITS: Final = MappingProxyType({limit.name: limit for limit in _ROWS})

# Beyond the CPU limit for less of the judged time than this share, or for fewer seconds, is a peak.
CPU_SHARE: Final = 0.20
CPU_LEAST_S: Final = 5.0
# A p99 of a hundred timers is their maximum: one hiccup of the machine must not spoil a short run.
LATE_TIMERS: Final = 5
