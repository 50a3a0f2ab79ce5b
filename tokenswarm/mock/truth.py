"""The truth log: one JSON line for each call that ended, with the times at which it was really written."""

from __future__ import annotations

import sys
from pathlib import Path
from time import perf_counter, time
from typing import IO, Any, Final

import orjson

from tokenswarm.errors import ConfigurationError
from tokenswarm.mock.playback import Call, Ending

FLUSH_EVERY_S: Final = 0.5
_FLUSH_BYTES: Final = 65_536  # small writes take microseconds, a second's worth at once would be a stall


class TruthLog:
    """Appends lines to a file, buffered: call `flush` every FLUSH_EVERY_S, and `close` at the end."""

    def __init__(self, path: Path) -> None:
        try:
            self._file: IO[bytes] | None = path.open("ab", buffering=0)
        except OSError as error:
            raise ConfigurationError(
                f"--truth-log {path}: {error.strerror}; name a file that can be written"
            ) from None
        self._path = path
        self._lines: list[bytes] = []
        self._size = 0

    def append(self, call: Call, ending: Ending) -> None:
        """Note a call at its end; all ms are since its request was read whole."""
        total_s = perf_counter() - call.received_s
        chunks_ms = [round((at_s - call.received_s) * 1000, 3) for at_s in call.chunks_s]
        first_output_s = call.first_output_s
        entry = {
            "id": call.id.decode(),
            "received_at": round(time() - total_s, 6),
            "stream": call.is_stream,
            "status": call.status,
            "ending": ending.value,
            "ttft_ms": chunks_ms[0] if chunks_ms else None,
            "ttfo_ms": None
            if first_output_s is None
            else round((first_output_s - call.received_s) * 1000, 3),
            "total_ms": round(total_s * 1000, 3),
            "output_tokens": call.tokens,
            "chunks_ms": chunks_ms,
        }
        self.note(entry)

    def note(self, entry: dict[str, Any]) -> None:
        """Any other line."""
        line = orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE)
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
            sys.stderr.write(f"mock: truth log {self._path} ends early: {error.strerror}\n")
            self._file = None

    def close(self) -> None:
        self.flush()
        if self._file is not None:
            self._file.close()
