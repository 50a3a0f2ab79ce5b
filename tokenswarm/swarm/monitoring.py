"""The target's monitors while a run goes: a child process reads them, and we take down what it found."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import gevent
import gevent.monkey
import orjson
from gevent import subprocess
from gevent.socket import wait_read

from tokenswarm.metrics.gauge import Sample
from tokenswarm.metrics.histogram import Histogram
from tokenswarm.metrics.monitor_board import MonitorBoard
from tokenswarm.metrics.series import NO_LABELS, Delta, Series, SeriesKey
from tokenswarm.metrics.standing import MonitorStanding
from tokenswarm.monitors.of_target import spec_of
from tokenswarm.monitors.spec import Spec
from tokenswarm.swarm.plan import RunPlan

_ENDS_WITHIN_S: Final = 2.0  # a last reading of everything
_CHUNK: Final = 65_536
# Locust has put gevent's in its place, which would let others run.
_SELECT: Final = gevent.monkey.get_original("select", "select")
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
        self._is_over = False
        self._half_line = b""
        spec = spec_of(plan.target)
        self._board = MonitorBoard(spec.labels)
        if spec:
            self._unended.update(spec.labels)
            # In a greenlet: to start a child lets go of the hub, and so short a run may end meanwhile.
            self._loop = gevent.spawn(self._run, spec, started_at_s)

    def standings(self) -> tuple[MonitorStanding, ...]:
        """What they have read so far."""
        return self._board.standings()

    def stop(self) -> None:
        """Have everything read once more; the run need not wait for that until it is closed."""
        self._is_over = True
        if self._child is not None:
            self._close_input()

    def close(self) -> None:
        """Take the last readings, and say of each monitor that didn't how it went. Keeps hold of the hub."""
        self.stop()
        if self._loop is not None:
            self._loop.kill(block=False)
            self._loop = None
        if self._child is not None:
            self._take_rest()
            # Not by gevent's poll() and kill(): they may let go of the hub, and Locust would exit.
            if self._child.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self._child.pid, signal.SIGKILL)
        for label in sorted(self._unended):
            self._note("monitor_ended", monitor=label, readings=0, failed=0, problem="it did not answer")
        self._unended.clear()

    def _run(self, spec: Spec, started_at_s: float) -> None:
        order = {"started_at_s": started_at_s, "every_s": self._plan.width_s, "spec": spec.to_plain()}
        try:
            # It inherits the environment, and finds the tokens there that the spec only names.
            child = subprocess.Popen(
                [sys.executable, "-m", "tokenswarm.monitors"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            child.stdin.write(orjson.dumps(order) + b"\n")
            child.stdin.flush()
        except OSError as error:
            logger.error("monitors can't be started: %s", error)  # noqa: TRY400 - said, not ours to mend
            return
        self._child = child
        if self._is_over:
            self._close_input()
        pipe = child.stdout.fileno()
        wait_read(pipe)
        while data := os.read(pipe, _CHUNK):
            self._feed(data)
            wait_read(pipe)

    def _take_rest(self) -> None:
        """What is still to come, without letting go of the hub, but not for ever."""
        pipe, until_s = self._child.stdout.fileno(), time.monotonic() + _ENDS_WITHIN_S
        while (left_s := until_s - time.monotonic()) > 0 and _SELECT([pipe], [], [], left_s)[0]:
            data = os.read(pipe, _CHUNK)
            if not data:
                return
            self._feed(data)

    def _close_input(self) -> None:
        try:
            self._child.stdin.close()
        except OSError:
            logger.info("the monitors' process was gone already")

    def _feed(self, data: bytes) -> None:
        *lines, self._half_line = (self._half_line + data).split(b"\n")
        for line in lines:
            try:
                self._take_row(orjson.loads(line))
            except (ValueError, KeyError, TypeError, ArithmeticError) as error:
                logger.error("what a monitor said makes no sense: %s", error)  # noqa: TRY400 - not ours

    def _take_row(self, row: Mapping[str, Any]) -> None:
        if "event" in row:
            details = {name: value for name, value in row.items() if name != "event"}
            if row["event"] in _EVENTS:
                self._note(row["event"], **details)
            if row["event"] in ("monitor_failed", "monitor_back"):
                self._board.set_problem(row["monitor"], row["problem"])
            if row["event"] == "monitor_ended":
                self._unended.discard(row["monitor"])
            return
        for at_s, source, name, value in row["points"]:
            sample = Sample(float(at_s), source, name, float(value))
            self._board.take(sample)
            self._take(sample)
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
