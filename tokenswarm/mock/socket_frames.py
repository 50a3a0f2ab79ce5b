"""A server's WebSocket frames, written by hand: an answer is bytes, as those of every other dialect are.

RFC 6455, 5.2: a server masks nothing, so a frame is a short head and the payload as it stands.
"""

from __future__ import annotations

import struct
from typing import Final

_TEXT: Final = 0x81  # FIN and the opcode
_BINARY: Final = 0x82
_CLOSE: Final = 0x88
_PING: Final = 0x89
_SHORT: Final = 126
_MEDIUM: Final = 65_536


def text_frame(payload: bytes) -> bytes:
    """One whole text message."""
    return _frame(_TEXT, payload)


def binary_frame(payload: bytes) -> bytes:
    """One whole binary message."""
    return _frame(_BINARY, payload)


def ping_frame() -> bytes:
    """A ping without a payload."""
    return _frame(_PING, b"")


def close_frame(code: int, reason: str) -> bytes:
    """The end, and why."""
    return _frame(_CLOSE, struct.pack("!H", code) + reason.encode())


def _frame(first: int, payload: bytes) -> bytes:
    size = len(payload)
    if size < _SHORT:
        return b"%c%c%b" % (first, size, payload)
    if size < _MEDIUM:
        return struct.pack("!BBH", first, 126, size) + payload
    return struct.pack("!BBQ", first, 127, size) + payload
