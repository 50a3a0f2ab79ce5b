"""Bytes ↔ WebSocket messages (RFC 6455), on websocket-client's frames; does no I/O.

    idle ──text or binary, no FIN──► in a message ──continuation, FIN──► idle
      └─text or binary, FIN──► idle       └─continuation──► in a message

Control frames (close, ping, pong) may stand anywhere. websocket-client reads from a socket; here it reads
from the bytes that have come, and is stopped in the middle of a frame where they end: its reader keeps what
it has, and goes on there. So a read of the socket stays one read with one timestamp, however many frames
are in it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, Final

from websocket import ABNF, WebSocketException, frame_buffer

from tokenswarm.errors import CallError

MAX_MESSAGE_BYTES: Final = 4 * 2**20
_MAX_CONTROL_BYTES: Final = 125  # RFC 6455, 5.5
_FRAME_BYTES: Final = 256  # a frame costs us as much as so many bytes: endless empty ones must end soon

NO_STATUS: Final = 1005  # RFC 6455, 7.4.1: a close frame that gives no code
LOST: Final = 1006  # likewise: the connection went without a close frame
_PROTOCOL_ERROR: Final = 1002
_NOT_TEXT: Final = 1003
_TOO_BIG: Final = 1009

_MEANINGS: Final = {
    1000: "normal closure",
    1001: "going away",
    1002: "protocol error",
    1003: "unsupported data",
    NO_STATUS: "no code given",
    LOST: "the connection went without a close frame",
    1007: "invalid data",
    1008: "policy violation",
    1009: "message too big",
    1010: "extension missing",
    1011: "internal error",
    1012: "service restart",
    1013: "try again later",
    1014: "bad gateway",
}
# These only say that it ends; any other code says that something is wrong.
_PLAIN_ENDS: Final = frozenset({1000, 1001, NO_STATUS, LOST, 1012})


class FrameError(CallError):
    """The server broke the protocol; `close_code` is what to tell it."""

    def __init__(self, detail: str, close_code: int = _PROTOCOL_ERROR) -> None:
        super().__init__("malformed", detail)
        self.close_code = close_code


@dataclass(frozen=True, slots=True)
class Ping:
    """Wants a pong with the same payload."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Close:
    """The end of a connection, by a close frame or without one (LOST)."""

    code: int
    reason: str = ""

    @property
    def outcome(self) -> str:
        """The class of a call that this ended."""
        return "truncated" if self.code in _PLAIN_ENDS else "stream_error"

    def __str__(self) -> str:
        """`closed with 1011 (internal error): out of memory`."""
        meaning = _MEANINGS.get(self.code)
        return (
            f"closed with {self.code}"
            + (f" ({meaning})" if meaning else "")
            + (f": {self.reason}" if self.reason else "")
        )


Frame = bytes | Ping | Close | FrameError  # bytes: a whole text message


class Frames:
    """One connection's frames: `feed` what was read."""

    __slots__ = ("_buffer", "_bytes", "_max_bytes", "_pieces", "_reader")

    def __init__(self, max_bytes: int = MAX_MESSAGE_BYTES) -> None:
        self._max_bytes = max_bytes
        self._buffer = _Buffer()
        self._reader = _BoundedReader(self._buffer.take, max_bytes)
        self._pieces: list[bytes] | None = None  # of the message under way
        self._bytes = 0

    def feed(self, data: bytes) -> list[Frame]:
        """Messages and control frames completed by these bytes.

        Nothing is looked at after a close frame, nor after a FrameError, which stands in its place.
        """
        self._buffer.put(data)
        found: list[Frame] = []
        try:
            while True:
                frame = self._read(self._reader.recv_frame())
                if frame is not None:
                    found.append(frame)
                    if isinstance(frame, Close):
                        break
        except _Hungry:
            self._buffer.forget_taken()
        except FrameError as error:
            found.append(error)
        except WebSocketException as error:
            found.append(FrameError(f"not a WebSocket frame: {error}"))
        return found

    def _read(self, frame: Any) -> Frame | None:
        if frame.opcode >= ABNF.OPCODE_CLOSE:
            return _control(frame)
        if frame.opcode == ABNF.OPCODE_BINARY:
            raise FrameError("a binary message where text is due", _NOT_TEXT)
        if (frame.opcode == ABNF.OPCODE_CONT) != (self._pieces is not None):
            raise FrameError("a message inside another, or a continuation of none")
        data: bytes = frame.data
        if frame.fin and self._pieces is None:
            return data
        self._pieces = self._pieces or []
        self._pieces.append(data)
        self._bytes += len(data) + _FRAME_BYTES
        if self._bytes > self._max_bytes:
            raise FrameError(f"a message of more than {self._max_bytes} bytes", _TOO_BIG)
        if not frame.fin:
            return None
        message = b"".join(self._pieces)
        self._pieces, self._bytes = None, 0
        return message


def text_frame(message: bytes) -> bytes:
    """A message of ours, masked."""
    frame: bytes = ABNF.create_frame(message, ABNF.OPCODE_TEXT).format()
    return frame


def ping_frame() -> bytes:
    """A ping of ours."""
    frame: bytes = ABNF.create_frame(b"", ABNF.OPCODE_PING).format()
    return frame


def pong_frame(payload: bytes) -> bytes:
    """The answer to a ping."""
    frame: bytes = ABNF.create_frame(payload, ABNF.OPCODE_PONG).format()
    return frame


def close_frame(code: int) -> bytes:
    """A close frame of ours; NO_STATUS and LOST, which must not be sent, become one without a code."""
    payload = b"" if code in (NO_STATUS, LOST) else struct.pack("!H", code)
    frame: bytes = ABNF.create_frame(payload, ABNF.OPCODE_CLOSE).format()
    return frame


def _control(frame: Any) -> Frame | None:
    if not frame.fin or len(frame.data) > _MAX_CONTROL_BYTES:
        raise FrameError("a control frame in pieces, or of more than 125 bytes")
    if frame.opcode == ABNF.OPCODE_PING:
        return Ping(frame.data)
    if frame.opcode == ABNF.OPCODE_PONG:
        return None
    if not frame.data:
        return Close(NO_STATUS)
    return Close(struct.unpack("!H", frame.data[:2])[0], frame.data[2:].decode("utf-8", "replace"))


class _Hungry(Exception):  # noqa: N818 - no error: the bytes are used up
    """The rest of the frame hasn't come yet."""


class _Buffer:
    """What websocket-client takes for a socket."""

    __slots__ = ("at", "data")

    def __init__(self) -> None:
        self.data = b""
        self.at = 0

    def put(self, data: bytes) -> None:
        """More bytes have come."""
        self.data = self.data + data if self.data else data

    def take(self, count: int) -> bytes:
        """So many bytes; _Hungry until there are.

        All or none, where a socket would give what it has: websocket-client counts its pieces anew for each,
        and a frame that came byte by byte would take it minutes.
        """
        start, end = self.at, self.at + count
        if end > len(self.data):
            raise _Hungry
        self.at = end
        return self.data[start:end]

    def forget_taken(self) -> None:
        """Keep only what is still to be taken."""
        self.data, self.at = self.data[self.at :], 0


class _BoundedReader(frame_buffer):
    """websocket-client's reader, which believes any length that a frame claims, with a limit."""

    def __init__(self, take: Any, max_bytes: int) -> None:
        super().__init__(take, skip_utf8_validation=False)
        self._max_bytes = max_bytes

    def recv_header(self) -> None:
        super().recv_header()
        assert self.header is not None
        _, rsv1, rsv2, rsv3, opcode, is_masked, _ = self.header
        # It looks at these once the whole frame is there, and of rubbish there may never be enough.
        if rsv1 or rsv2 or rsv3 or opcode not in ABNF.OPCODES:
            raise FrameError(f"not a WebSocket frame: its first byte has opcode {opcode} or reserved bits")
        if is_masked:
            raise FrameError("a masked frame, which only clients may send")

    def recv_length(self) -> None:
        super().recv_length()
        if self.length is not None and self.length > self._max_bytes:
            raise FrameError(f"a frame of {self.length} bytes, more than {self._max_bytes}", _TOO_BIG)
