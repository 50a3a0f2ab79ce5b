"""Answers as servers send them, byte for byte."""

from __future__ import annotations

from tokenswarm.wire.dialect import Request

REQUEST = Request("/v1/lines", b"say something")

ANSWER = b"started:r-1\ntext:hello\ntext: you\nusage:2\nfinish:stop\ndone\n"


def whole(body: bytes = ANSWER, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    """A response with a content length."""
    lines = b"".join(header + b"\r\n" for header in headers)
    return b"HTTP/1.1 %b\r\n%bcontent-length: %d\r\n\r\n%b" % (status, lines, len(body), body)


def chunks(*bodies: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(body), body) for body in bodies)


CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n"
CHUNKED_ANSWER = CHUNKED + b"\r\n" + chunks(b"text:hello\n", b"text: you\nfinish:st", b"op\ndone\n", b"")
