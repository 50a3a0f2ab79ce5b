"""HTTP/1.1 status lines, prebuilt."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

_LINES: Final = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus
}


def status_line(status: int) -> bytes:
    """The line of any status, known to HTTP or not (529 isn't)."""
    return _LINES.get(status) or b"HTTP/1.1 %d Error\r\n" % status
