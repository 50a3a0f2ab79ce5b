"""The child process that reads: a thread for each monitor, lines of JSON to whoever started it.

    stdin    one line: {"started_at_s", "every_s", "spec"}; its end means: read once more, and go
    stdout   {"points": [[at_s, source, name, value], …],
              "times": [[at_s, name, [[value, count], …], total], …]}
             {"event": "monitor_failed" | "monitor_back", "at_s", "monitor", "problem"}
             {"event": "monitor_ended", "at_s", "monitor", "readings", "failed", "problem", "notes", "unseen"}

It is a process of its own so that a slow page, a regular expression that never ends and the parsing itself
cost the load generator nothing but the reading of these lines. Times are seconds since the run's start.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any, Final

import orjson

from tokenswarm.monitors.log import LogReader
from tokenswarm.monitors.page import PageReader
from tokenswarm.monitors.process import ProcessReader
from tokenswarm.monitors.reader import Found, MonitorError, Reader
from tokenswarm.monitors.redis import RedisReader
from tokenswarm.monitors.spec import Spec

# After so many readings half as many: what they fill must not grow with a run that has no end.
_READINGS_A_PACE: Final = 900
_MOST_EVENTS: Final = 100
_MOST_NOTES: Final = 20
_LAST_READING_S: Final = 1.5


def readers_of(spec: Spec) -> list[Reader]:
    """A reader for every monitor."""
    readers: list[Reader] = []
    if spec.process is not None:
        readers.append(ProcessReader(spec.process))
    readers += [PageReader(page) for page in spec.pages]
    readers += [LogReader(log) for log in spec.logs]
    if spec.redis is not None:
        readers.append(RedisReader(spec.redis))
    return readers


class Outlet:
    """Lines to standard output, each whole."""

    def __init__(self, started_at_s: float) -> None:
        self._started_at_s = started_at_s
        self._lock = threading.Lock()

    def since_start_s(self, at_s: float) -> float:
        return round(at_s - self._started_at_s, 3)

    def write(self, row: dict[str, Any]) -> None:
        data = orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS)
        with self._lock:
            try:
                sys.stdout.buffer.write(data)
                sys.stdout.buffer.flush()
            except OSError:
                os._exit(1)  # nobody reads us any more

    def found(self, source: str, found: Found) -> None:
        if found.points or found.times:
            points = [[self.since_start_s(p.at_s), source, p.name, p.value] for p in found.points]
            times = [
                [self.since_start_s(t.at_s), t.name, [[v, n] for v, n in t.values.items()], t.total]
                for t in found.times
            ]
            self.write({"points": points, "times": times})


class Watch:
    """One reader in a thread of its own, until it is told to stop."""

    def __init__(self, reader: Reader, outlet: Outlet, started_at_s: float, every_s: float) -> None:
        self._reader = reader
        self._outlet = outlet
        self._started_at_s = started_at_s
        self._every_s = every_s
        self._readings = self._failed = self._events = 0
        self._problem = ""  # of the last reading
        self._worst = ""  # the last problem that there was
        self._notes: dict[str, None] = {}

    def run(self, stop: threading.Event) -> None:
        while True:
            is_last = stop.is_set()
            self._read()
            if is_last:
                break
            if self._readings % _READINGS_A_PACE == 0:
                self._every_s *= 2
            passed_s = time.monotonic() - self._started_at_s
            stop.wait(self._every_s - passed_s % self._every_s)
        self._outlet.write(
            {
                "event": "monitor_ended",
                "at_s": self._outlet.since_start_s(time.monotonic()),
                "monitor": self._reader.label,
                "readings": self._readings,
                "failed": self._failed,
                "problem": self._worst,
                "notes": list(self._notes),
                "unseen": list(self._reader.unseen()),
            }
        )

    def _read(self) -> None:
        self._readings += 1
        problem = ""
        try:
            found = self._reader.read()
        except MonitorError as error:
            problem = str(error)
        except Exception as error:  # whatever it is, it must not end the other monitors
            problem = f"{type(error).__name__}: {error}"
        else:
            self._outlet.found(self._reader.label, found)
            for note in found.notes[:_MOST_NOTES]:
                if len(self._notes) < _MOST_NOTES:
                    self._notes.setdefault(note)
        if problem:
            self._failed += 1
            self._worst = problem
        if bool(problem) != bool(self._problem) and self._events < _MOST_EVENTS:
            self._events += 1
            self._outlet.write(
                {
                    "event": "monitor_failed" if problem else "monitor_back",
                    "at_s": self._outlet.since_start_s(time.monotonic()),
                    "monitor": self._reader.label,
                    "problem": problem,
                }
            )
        self._problem = problem


def main() -> None:
    """Read what to read from standard input, and go on until it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who started us, and ends our input
    line = sys.stdin.buffer.readline()
    if not line:
        return  # the run was over before it could say what to read
    order = orjson.loads(line)
    started_at_s, every_s = float(order["started_at_s"]), float(order["every_s"])
    outlet = Outlet(started_at_s)
    stop = threading.Event()
    threads = _started(readers_of(Spec.from_plain(order["spec"])), outlet, started_at_s, every_s, stop)
    while sys.stdin.buffer.read(4096):
        pass
    stop.set()
    until_s = time.monotonic() + _LAST_READING_S
    for thread in threads:
        thread.join(max(0.0, until_s - time.monotonic()))
    os._exit(0)  # not waiting for what hangs


def _started(
    readers: Sequence[Reader], outlet: Outlet, started_at_s: float, every_s: float, stop: threading.Event
) -> list[threading.Thread]:
    threads = [
        threading.Thread(target=Watch(reader, outlet, started_at_s, every_s).run, args=(stop,), daemon=True)
        for reader in readers
    ]
    for thread in threads:
        thread.start()
    return threads
