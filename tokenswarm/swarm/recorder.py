"""Writes a run folder as the run goes; append-only, so that a killed run leaves what it had."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, BinaryIO, Final

import orjson

from tokenswarm.metrics.interval import coarser
from tokenswarm.metrics.series import Delta, Fault, FaultKey, Series, add_fault
from tokenswarm.swarm.ration import Ration

logger = logging.getLogger(__name__)

# Deltas of one interval come from several workers within a few seconds. Waiting for them before the
# interval is written keeps the file at one line a series, however long the run.
SETTLE_S: Final = 4.0
MOST_EVENTS: Final = 10_000
# A worker on a bad network comes and goes.
_ENDLESS: Final = frozenset({"worker_joined", "worker_lost", "worker_returned", "shares", "late_report"})


class Recorder:
    """Files of one run folder, open for appending."""

    def __init__(self, folder: Path, settle_s: float = SETTLE_S, ration: Ration | None = None) -> None:
        self._settle_s = settle_s
        self._ration = ration or Ration(None)
        self._intervals: BinaryIO = (folder / "intervals.jsonl").open("ab", buffering=0)
        self._samples: BinaryIO = (folder / "samples.jsonl").open("ab", buffering=0)
        self._events: BinaryIO = (folder / "events.jsonl").open("ab", buffering=0)
        self._open: Delta | None = None
        self._known_faults: dict[FaultKey, Fault] = {}
        self._events_left = MOST_EVENTS
        self.failure = ""  # why the folder can't be written any more, such as a full disk

    def absorb(self, delta: Delta) -> None:
        """Keep a delta until its intervals have settled."""
        width_s = self._ration.width_s = max(self._ration.width_s, delta.width_s)
        if self._open is None or self._open.width_s != width_s:
            self._write_open()
            self._open = Delta(width_s)
        for key, series in delta.series.items():
            interval = coarser(key.interval, delta.width_s, width_s)
            own = key if interval == key.interval else key._replace(interval=interval)
            self._open.series.setdefault(own, Series()).merge(series)
        for fault_key, fault in delta.faults.items():
            # By the messages of the whole run: a target with a new one for each call has ever new ones.
            self._open.add_fault(add_fault(self._known_faults, fault_key, fault), fault)

    def flush(self, elapsed_s: float) -> None:
        """Write the intervals that no worker will add to any more."""
        if self._open is None:
            return
        width_s = self._open.width_s
        old = [k for k in self._open.series if (k.interval + 1) * width_s + self._settle_s <= elapsed_s]
        if old:
            # Failures go with the intervals: by themselves they would be a line at each flush.
            settled = Delta(width_s, faults=self._open.faults)
            self._open.faults = {}
            for key in old:
                settled.series[key] = self._open.series.pop(key)
            self._append_delta(settled)
            self._ration.look(elapsed_s)

    def flush_all(self) -> None:
        """Write what is there, settled or not: what comes later adds up with it."""
        self._write_open()

    def sample(self, at_s: float, source: str, name: str, value: float) -> None:
        """Write one reading of a gauge."""
        self._append(self._samples, {"at_s": round(at_s, 3), "source": source, "name": name, "value": value})

    def event(self, at_s: float, event: str, **details: Any) -> None:
        """Write that something happened. Of what can happen for ever, the first MOST_EVENTS are enough."""
        if event in _ENDLESS:
            self._events_left -= 1
            if self._events_left < 0:
                return
        self._append(self._events, {"at_s": round(at_s, 3), "event": event, **details})

    def close(self) -> None:
        """Write all that is left."""
        self._write_open()
        for file in (self._intervals, self._samples, self._events):
            file.close()

    def _write_open(self) -> None:
        if self._open is not None:
            self._append_delta(self._open)
            self._open = None

    def _append_delta(self, delta: Delta) -> None:
        if delta.series or delta.faults:
            self._ration.spend(self._append(self._intervals, delta.to_json()))

    def _append(self, file: BinaryIO, row: dict[str, Any]) -> int:
        line = orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)
        try:
            # Unbuffered: a line that is still in our memory is lost with us.
            file.write(line)
        except OSError as error:
            if not self.failure:
                self.failure = f"the run folder can't be written: {error.strerror}"
                logger.error("%s", self.failure)  # noqa: TRY400 - the disk's fault, not a bug
        return len(line)
