"""The target's log, followed from where it ends when the run begins, over rotations and truncations."""

from __future__ import annotations

import contextlib
import os
import re
import time
from pathlib import Path
from typing import BinaryIO, Final

from tokenswarm.monitors.log_lines import LineRule, LineSplitter, look
from tokenswarm.monitors.reader import Counting, Found, MonitorError, Point, Times
from tokenswarm.monitors.spec import LogSpec

_CHUNK: Final = 1 << 20
# A log that grows faster than it can be looked at is looked at in part, and that is said.
_MOST_BEHIND: Final = 64 << 20


class LogReader:
    """Holds what is appended against the spec's rules."""

    def __init__(self, spec: LogSpec) -> None:
        self.label = spec.label
        self._path = Path(spec.file)
        self._rules = tuple(
            LineRule(name, re.compile(value.matches.encode()), value.factor)
            for name, value in spec.values.items()
        )
        self._file: BinaryIO | None = None
        self._splitter = LineSplitter()
        self._counting = Counting()
        self._seen: set[str] = set()
        self._is_new = False  # the file wasn't there at first: all of it is of this run

    def read(self) -> Found:
        """All that was appended since the last reading."""
        found = Found()
        lines = self._appended(found)
        at_s = time.monotonic()
        looked = look(lines, self._rules)
        for name, grown in looked.counted.items():
            found.points += self._counting.begin(name, at_s)
            if not self._counting.is_first:
                found.points.append(Point(at_s, name, grown))
            if grown:
                self._seen.add(name)
        found.points += [Point(at_s, name, value) for name, value in looked.gauges.items()]
        middle_s = self._counting.middle_s(at_s)
        found.times += [Times(middle_s, name, values) for name, values in looked.times.items()]
        self._seen.update(looked.gauges, looked.times)
        for name, count in looked.bad.items():
            found.notes.append(f"{name}: {count} matches whose group is no number")
        self._counting.done(at_s)
        return found

    def unseen(self) -> tuple[str, ...]:
        """Rules that matched nothing; a counter may well have had nothing to count."""
        return tuple(r.name for r in self._rules if r.name not in self._seen and r.name not in self._counts)

    def close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()

    @property
    def _counts(self) -> frozenset[str]:
        return frozenset(rule.name for rule in self._rules if rule.pattern.groups == 0)

    def _appended(self, found: Found) -> list[bytes]:
        file = self._open()
        lines = self._rest_of(file, found)
        if self._is_replaced(file):
            file.close()
            self._file, self._is_new = None, True
            self._splitter.reset()
            lines += self._rest_of(self._open(), found)
        elif os.fstat(file.fileno()).st_size < file.tell():
            file.seek(0)
            self._splitter.reset()
            lines += self._rest_of(file, found)
        return lines

    def _open(self) -> BinaryIO:
        if self._file is None:
            try:
                self._file = self._path.open("rb", buffering=0)
            except OSError as error:
                self._is_new = True
                raise MonitorError(str(error.strerror)) from None
            if not self._is_new:
                self._file.seek(0, os.SEEK_END)
        return self._file

    def _rest_of(self, file: BinaryIO, found: Found) -> list[bytes]:
        behind = os.fstat(file.fileno()).st_size - file.tell()
        if behind > _MOST_BEHIND:
            file.seek(-_MOST_BEHIND, os.SEEK_END)
            self._splitter.reset()
            found.notes.append("it grows faster than it can be read: parts were left out")
        lines: list[bytes] = []
        with contextlib.suppress(InterruptedError):
            while data := file.read(_CHUNK):
                lines += self._splitter.feed(data)
        return lines

    def _is_replaced(self, file: BinaryIO) -> bool:
        own = os.fstat(file.fileno())
        try:
            now = self._path.stat()
        except OSError:
            return False  # it was moved away, and the new one isn't there yet
        return (own.st_dev, own.st_ino) != (now.st_dev, now.st_ino)
