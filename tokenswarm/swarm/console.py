"""The live display of a headless run: a moving panel on a terminal, plain lines anywhere else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TextIO

from rich.console import Console as RichConsole
from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from tokenswarm.metrics.call import FAILURES, INTERRUPTED
from tokenswarm.metrics.source import Aggregation, Selector
from tokenswarm.swarm.merge import Merge
from tokenswarm.swarm.plan import RunPlan

_PLAIN_EVERY_S: Final = 5.0
_PANEL_EVERY_S: Final = 1.0
_P95: Final = Aggregation("p", 95)
_EVERYTHING: Final = Selector()


@dataclass(frozen=True, slots=True)
class Glance:
    """What the display shows at one moment; times in milliseconds, None where nothing was measured."""

    stage: str
    elapsed_s: float
    total_s: float
    users: int
    calls: int
    failed: int
    calls_per_s: float
    latency_p95_ms: float | None
    ttft_p95_ms: float | None
    errors: Sequence[tuple[str, int]]

    @classmethod
    def take(cls, plan: RunPlan, elapsed_s: float, users: int, merge: Merge, *, is_stopping: bool) -> Glance:
        """Counts since the start, rates and percentiles of the last seconds."""
        stage = plan.stages.stage_at(elapsed_s)
        recent = merge.recent(elapsed_s)
        totals = merge.totals.all_outcomes()
        failed = {name: int(count) for name, count in totals.items() if name in FAILURES}
        return cls(
            stage="draining" if stage is None or is_stopping else stage.name,
            elapsed_s=min(elapsed_s, plan.total_s),
            total_s=plan.total_s,
            users=users,
            calls=int(sum(count for name, count in totals.items() if name != INTERRUPTED)),
            failed=sum(failed.values()),
            calls_per_s=recent.read("request_rate", Aggregation("value"), _EVERYTHING).value or 0.0,
            latency_p95_ms=_ms(recent.read("latency", _P95, _EVERYTHING).value),
            ttft_p95_ms=_ms(recent.read("ttft", _P95, _EVERYTHING).value),
            errors=sorted(failed.items(), key=lambda item: -item[1])[:4],
        )

    def line(self) -> str:
        """One line for logs."""
        parts = [
            f"{self.elapsed_s:5.0f}/{self.total_s:.0f} s",
            f"{self.stage:<10}",
            f"{self.users:4d} users",
            f"{self.calls_per_s:7.1f} calls/s",
            f"latency p95 {_shown(self.latency_p95_ms)}",
            f"TTFT p95 {_shown(self.ttft_p95_ms)}",
            f"{self.failed} failed of {self.calls}",
        ]
        return "  ".join(parts)


class Console(Protocol):
    """Something that shows a glance from time to time."""

    def is_due(self, elapsed_s: float) -> bool:
        """Whether to show one now: taking a glance costs milliseconds that belong to the load."""

    def show(self, glance: Glance) -> None:
        """Show it."""

    def close(self) -> None:
        """Leave the terminal as it was."""


def console_for(stream: TextIO) -> Console:
    """A panel where there is a terminal, lines where there is none."""
    return Panel(stream) if stream.isatty() else Lines(stream)


class Lines:
    """A line every few seconds."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._shown_at_s = 0.0

    def is_due(self, elapsed_s: float) -> bool:
        """When the last line is a while ago."""
        return elapsed_s - self._shown_at_s >= _PLAIN_EVERY_S

    def show(self, glance: Glance) -> None:
        """Print a line."""
        self._shown_at_s = glance.elapsed_s
        print(glance.line(), file=self._stream, flush=True)

    def close(self) -> None:
        """Nothing to put back."""


class Panel:
    """Stage, bar and figures, redrawn in place."""

    def __init__(self, stream: TextIO) -> None:
        # Redrawn only when told: rich's own refresh is a thread, which gevent would make a greenlet.
        self._live = Live(console=RichConsole(file=stream), auto_refresh=False, transient=True)
        self._live.start()
        self._shown_at_s = 0.0

    def is_due(self, elapsed_s: float) -> bool:
        """Once a second: a person reads no faster."""
        return elapsed_s - self._shown_at_s >= _PANEL_EVERY_S

    def show(self, glance: Glance) -> None:
        """Redraw."""
        self._shown_at_s = glance.elapsed_s
        self._live.update(_drawn(glance), refresh=True)

    def close(self) -> None:
        """Take the panel away and show the cursor again."""
        self._live.stop()


def _drawn(glance: Glance) -> Group:
    head = Table.grid(padding=(0, 2))
    head.add_row(
        Text(glance.stage or "starting", style="bold"),
        ProgressBar(total=glance.total_s, completed=glance.elapsed_s, width=40),
        Text(f"{glance.elapsed_s:.0f} of {glance.total_s:.0f} s"),
    )
    figures = Table.grid(padding=(0, 3))
    figures.add_row(
        f"{glance.users} users",
        f"{glance.calls_per_s:.1f} calls/s",
        f"latency p95 {_shown(glance.latency_p95_ms)}",
        f"TTFT p95 {_shown(glance.ttft_p95_ms)}",
    )
    errors = Text(f"{glance.calls} calls, {glance.failed} failed")
    for name, count in glance.errors:
        errors.append(f"   {name} {count}", style="red")
    return Group(head, figures, errors)


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000


def _shown(milliseconds: float | None) -> str:
    return "–" if milliseconds is None else f"{milliseconds:.0f} ms"
