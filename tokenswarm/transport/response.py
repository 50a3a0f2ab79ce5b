"""Bytes → status, headers and body of HTTP/1.1 responses, one after another; does no I/O.

new ──first byte──► has_begun ──blank line──► has_head ──body──► is_complete ──reset()──► new
                        └── 1xx: back to new, its headers dropped (RFC 9110, 15.2)
"""

from __future__ import annotations

import zlib
from typing import Final

import httptools

from tokenswarm.errors import CallError

_GZIP: Final = (b"gzip", b"x-gzip")  # RFC 9110, 8.4.1.3: the two are one
_PLAIN: Final = (b"", b"identity")
_BLANK_LINE: Final = b"\r\n\r\n"
_CONTENT_ENCODING: Final = b"\r\ncontent-encoding:"
_CONTENT_LENGTH: Final = b"\r\ncontent-length:"
_CONTENT_TYPE: Final = b"\r\ncontent-type:"
_TRANSFER_ENCODING: Final = b"\r\ntransfer-encoding:"


class Response:
    """The response under way on one connection. Bytes go in by `feed`, the body comes out by `take_body`."""

    __slots__ = (
        "_before_head",
        "_body_limit",
        "_content_type",
        "_feed",
        "_head_limit",
        "_inflater",
        "_parser",
        "_pieces",
        "_raw",
        "_type_line",
        "decoded",
        "encoded",
        "has_begun",
        "has_head",
        "head",
        "is_complete",
        "keeps_alive",
        "limit",
        "on_body",
        "received",
        "status",
    )

    def __init__(self, max_header_bytes: int, max_body_bytes: int) -> None:
        self._head_limit = max_header_bytes
        self._body_limit = max_body_bytes
        self._pieces: list[bytes] = []
        self.on_body = self._pieces.append  # straight from C to C: no Python frame for each chunk
        self._parser = httptools.HttpResponseParser(self)
        self._feed = self._parser.feed_data
        self._type_line = b""  # the content type's, of an answer before
        self._content_type = ""
        self.reset()

    def reset(self) -> None:
        """Ready for the next response of the same connection."""
        self._pieces.clear()
        self._inflater: zlib._Decompress | None = None
        self.encoded: int | None = None  # bytes of a compressed body that were inflated; None if it is plain
        self.decoded = 0  # bytes that came of them
        self.has_begun = self.has_head = self.is_complete = False
        self.keeps_alive = False
        self.status = 0
        self._raw = b""  # as it came, up to the read that ended the head
        self.head = b""  # status line and headers as they came, parsed where somebody asks for them
        self._before_head = 0  # heads of 1xx responses in it
        self.received = 0  # bytes of this response, framing and 1xx included
        self.limit = self._head_limit  # more of them is malformed

    def feed(self, data: bytes | memoryview) -> None:
        """The next bytes; raises what httptools raises."""
        if not self.has_head:
            self._raw += data
        self._feed(data)

    def start_body(self) -> str:
        """Once the head is there: the body's content type; raises CallError if it can't be decoded."""
        head = self.head.lower()
        # Not `in`, which first tries to take what it looks for as a number, and takes twice as long.
        if head.find(_CONTENT_ENCODING) >= 0:
            self._start_encoded(_value_in(head, _CONTENT_ENCODING))
        # As a rule the line is the one of the answer before, and to know it again is quicker than to read it.
        if not self._type_line or not head.startswith(self._type_line, head.rfind(_CONTENT_TYPE)):
            value = _value_in(head, _CONTENT_TYPE)
            line = b"%b %b\r\n" % (_CONTENT_TYPE, value)
            self._type_line = line if line in head else b""
            self._content_type = value.decode("latin-1")
        return self._content_type

    def _start_encoded(self, encoding: bytes) -> None:
        if encoding in _GZIP:
            self._inflater = _inflater()
            self.encoded = 0
        elif encoding not in _PLAIN:
            raise CallError("malformed", f"content-encoding {encoding.decode('latin-1')!r} was not asked for")

    def take_body(self) -> bytes:
        """The body bytes since the last time, inflated; raises CallError or zlib.error."""
        pieces = self._pieces
        if not pieces:
            return b""
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        return body if self._inflater is None else self._inflate(body)

    def check_end(self) -> None:
        """Once all of the body was taken: raises CallError if a compressed one lacks its end."""
        if self._inflater is not None and not self._inflater.eof:
            raise CallError("malformed", "the body claims to be gzip and ends before its checksum")

    def discard_body(self) -> None:
        """Forget the body bytes since the last time."""
        self._pieces.clear()

    def end(self) -> str:
        """The connection has closed: "" if that is how this body ends, else what is missing."""
        if not self.received:
            return "connection closed before any byte of an answer"
        if not self.has_head:
            return "connection closed inside the response headers"
        head = self.head.lower()
        # RFC 9112, 6.3: without a length the body lasts until the connection closes.
        if _CONTENT_LENGTH in head or b"chunked" in _value_in(head, _TRANSFER_ENCODING):
            return f"connection closed inside the body, {self.received} bytes after the answer began"
        self.is_complete = True
        self.keeps_alive = False
        return ""

    # What the parser calls. An exception in here reaches the caller as HttpParserError.

    def on_message_begin(self) -> None:
        if self.is_complete:
            # Bytes after the end answer nothing that we asked: no call may ever read them.
            self.keeps_alive = False
            raise CallError("malformed", "bytes after the end of the answer")
        self.has_begun = True

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if 100 <= status < 200:
            self._before_head += 1
            return
        self.status = status
        self.has_head = True
        self._cut_head()
        self.keeps_alive = self._parser.should_keep_alive()
        self.limit = self.received + self._body_limit

    def _cut_head(self) -> None:
        # The parser takes no head but one of lines with a CRLF each (RFC 9112, 2.2), so it can be cut out
        # whole. To be called for each header would double the cost of parsing a small answer.
        raw = self._raw
        if self._before_head or not raw.startswith(b"HTTP"):
            raw = raw.lstrip(b"\r\n").split(_BLANK_LINE, self._before_head)[-1]
        self.head = raw.partition(_BLANK_LINE)[0]

    def on_message_complete(self) -> None:
        if self.has_head:
            self.is_complete = True
        else:
            self.has_begun = False

    def _inflate(self, data: bytes) -> bytes:
        assert self._inflater is not None
        assert self.encoded is not None
        self.encoded += len(data)
        plain = b""
        while data:
            if self._inflater.eof:  # RFC 1952, 2.2: one member may follow another
                self._inflater = _inflater()
            room = self._body_limit - self.decoded
            more = self._inflater.decompress(data, room + 1)
            self.decoded += len(more)
            if len(more) > room:
                raise CallError("malformed", f"body of more than {self._body_limit} bytes once inflated")
            plain += more
            data = self._inflater.unused_data
        return plain


def _value_in(head: bytes, line: bytes) -> bytes:
    """The value of the last header whose line begins so, in a head in lower case; empty if there is none."""
    at = head.rfind(line)
    return head[at + len(line) :].partition(b"\r\n")[0].strip(b" \t") if at >= 0 else b""


def _inflater() -> zlib._Decompress:
    return zlib.decompressobj(16 + zlib.MAX_WBITS)  # 16: a gzip header and trailer
