"""A log that costs the event loop little: lines are gathered, and written twice a second, or when many."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import IO, Any, Final

import orjson

from tokenswarm.errors import ConfigurationError

FLUSH_EVERY_S: Final = 0.5
_FLUSH_BYTES: Final = 65_536  # small writes take microseconds, a second's worth at once would be a stall


class LogFile:
    """Appends lines to a file: call `flush` every FLUSH_EVERY_S, and `close` at the end."""

    def __init__(self, path: Path, flag: str) -> None:
        try:
            self._file: IO[bytes] | None = path.open("ab", buffering=0)
        except OSError as error:
            raise ConfigurationError(
                f"{flag} {path}: {error.strerror}; name a file that can be written"
            ) from None
        self._path = path
        self._lines: list[bytes] = []
        self._size = 0

    def note(self, entry: dict[str, Any]) -> None:
        """A line of JSON."""
        self.write(orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE))

    def write(self, line: bytes) -> None:
        self._lines.append(line)
        self._size += len(line)
        if self._size >= _FLUSH_BYTES:
            self.flush()

    def flush(self) -> None:
        data = b"".join(self._lines)
        self._lines.clear()
        self._size = 0
        if self._file is None or not data:
            return
        try:
            self._file.write(data)
        except OSError as error:
            # A full disk must not end the load; the log is incomplete from here on, and says so once.
            sys.stderr.write(f"mock: log {self._path} ends early: {error.strerror}\n")
            self._file = None

    def close(self) -> None:
        self.flush()
        if self._file is not None:
            self._file.close()


def open_log(path: Path | None, flag: str) -> LogFile | None:
    """None if there is to be none."""
    return None if path is None else LogFile(path, flag)
