"""Sends a run's figures to InfluxDB while it goes; an outage costs points, never the run."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

import gevent

from tokenswarm.exporters.influx_lines import InfluxLines
from tokenswarm.exporters.influx_sender import InfluxSender
from tokenswarm.exporters.influx_target import InfluxTarget
from tokenswarm.metrics.series import Delta
from tokenswarm.metrics.standing import Standing

_EVERY_S: Final = 5.0
_AT_END_S: Final = 10.0


class InfluxExport:
    """One run's points: a batch every few seconds."""

    def __init__(
        self, target: InfluxTarget, standing: Callable[[], Standing], say: Callable[[str], None]
    ) -> None:
        self._standing = standing
        self._lines = InfluxLines()
        self._sender = InfluxSender(target, say)
        self._loop = gevent.spawn(self._run)

    def absorb(self, delta: Delta) -> None:
        """Add what was measured."""
        self._lines.absorb(delta)

    def close(self) -> None:
        """Send what is left; bounded."""
        self._loop.kill()
        self._collect()
        until_s = time.monotonic() + _AT_END_S
        self._sender.send(until_s)
        if self._sender.waiting and self._sender.not_before_s < until_s:
            gevent.sleep(max(0.0, self._sender.not_before_s - time.monotonic()))
            self._sender.send(until_s)
        self._sender.close()

    def facts(self) -> dict[str, Any]:
        """How it went: points, and what was wrong."""
        return {"sent": self._sender.sent, "dropped": self._sender.lost, "problem": self._sender.problem}

    def _run(self) -> None:
        while True:
            gevent.sleep(_EVERY_S)
            self._collect()
            self._sender.send()

    def _collect(self) -> None:
        self._sender.add(self._lines.take(self._standing(), time.time_ns()))
