"""The target's monitors while a run goes: a child process reads them, and we take down what it found."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

import gevent
import orjson
from gevent import subprocess

from tokenswarm.metrics.gauge import Sample
from tokenswarm.metrics.histogram import Histogram
from tokenswarm.metrics.series import NO_LABELS, Delta, Series, SeriesKey
from tokenswarm.monitors.of_target import spec_of
from tokenswarm.monitors.spec import Spec
from tokenswarm.swarm.plan import RunPlan

_ENDS_WITHIN_S: Final = 2.0  # a last reading of everything
_EVENTS: Final = ("monitor_failed", "monitor_back", "monitor_ended")

logger = logging.getLogger(__name__)


class Monitoring:
    """One run's monitors; whatever becomes of them, the run goes on."""

    def __init__(
        self,
        plan: RunPlan,
        started_at_s: float,
        take: Callable[[Sample], object],
        absorb: Callable[[Delta], object],
        note: Callable[..., object],
    ) -> None:
        """`started_at_s` is the run's start on the monotonic clock, which the child has in common with us."""
        self._plan = plan
        self._take = take
        self._absorb = absorb
        self._note = note
        self._child: Any = None
        self._loop: gevent.Greenlet | None = None
        self._unended: set[str] = set()
        spec = spec_of(plan.target)
        if spec:
            self._start(spec, started_at_s)

    def _start(self, spec: Spec, started_at_s: float) -> None:
        order = {"started_at_s": started_at_s, "every_s": self._plan.width_s, "spec": spec.to_plain()}
        self._unended = set(spec.labels)
        try:
            # It inherits the environment, and finds the tokens there that the spec only names.
            self._child = subprocess.Popen(
                [sys.executable, "-m", "tokenswarm.monitors"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            self._child.stdin.write(orjson.dumps(order) + b"\n")
            self._child.stdin.flush()
        except OSError as error:
            logger.error("monitors can't be started: %s", error)  # noqa: TRY400 - said, not ours to mend
            return
        self._loop = gevent.spawn(self._read)

    def stop(self) -> None:
        """Have everything read once more, and wait for that a moment."""
        if self._child is None:
            return
        self._close_input()
        if self._loop is not None:
            self._loop.join(_ENDS_WITHIN_S)

    def close(self) -> None:
        """Take no more; of a monitor that didn't say how it went, say so. Lets go of the hub nowhere."""
        if self._loop is not None:
            self._loop.kill(block=False)
            self._loop = None
        if self._child is not None and self._child.returncode is None:
            self._child.kill()
        for label in sorted(self._unended):
            self._note("monitor_ended", monitor=label, readings=0, failed=0, problem="it did not answer")
        self._unended.clear()

    def _close_input(self) -> None:
        try:
            self._child.stdin.close()
        except OSError:
            logger.info("the monitors' process was gone already")

    def _read(self) -> None:
        for line in self._child.stdout:
            try:
                self._take_row(orjson.loads(line))
            except (ValueError, KeyError, TypeError, ArithmeticError) as error:
                logger.error("what a monitor said makes no sense: %s", error)  # noqa: TRY400 - not ours
        self._child.wait()

    def _take_row(self, row: Mapping[str, Any]) -> None:
        if "event" in row:
            details = {name: value for name, value in row.items() if name != "event"}
            if row["event"] in _EVENTS:
                self._note(row["event"], **details)
            if row["event"] == "monitor_ended":
                self._unended.discard(row["monitor"])
            return
        for at_s, source, name, value in row["points"]:
            self._take(Sample(float(at_s), source, name, float(value)))
        if row["times"]:
            self._absorb(self._delta_of(row["times"]))

    def _delta_of(self, rows: list[Any]) -> Delta:
        delta = Delta(self._plan.width_s)
        for at_s, name, values, total in rows:
            stages = self._plan.stages
            stage = stages.stage_at(max(at_s, 0.0)) or stages.stages[-1]
            key = SeriesKey(int(max(at_s, 0.0) / delta.width_s), stage.name, NO_LABELS)
            histogram = Histogram()
            histogram.fold_repeated([float(value) for value, _ in values], [int(n) for _, n in values])
            if total is not None:
                histogram.total = float(total)  # exact, where the values are laid within buckets
            delta.series.setdefault(key, Series()).merge(Series({}, {name: histogram}))
        return delta
