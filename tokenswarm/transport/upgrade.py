"""From a connection to a WebSocket: the HTTP exchange of RFC 6455, 4, and what a refusal says."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable
from typing import Final

import httptools

from tokenswarm.errors import CallError
from tokenswarm.metrics.call import CallRecord
from tokenswarm.transport.call import refused
from tokenswarm.transport.deadline import Deadline
from tokenswarm.transport.endpoint import Endpoint
from tokenswarm.transport.line import Line
from tokenswarm.transport.response import Response
from tokenswarm.wire.contract import ErrorBody, Request

_SWITCHING: Final = 101
_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3


class _UpgradeResponse(Response):
    """A response that may be the end of HTTP on its connection."""

    __slots__ = ()

    def on_headers_complete(self) -> None:
        if self._parser.get_status_code() == _SWITCHING:
            self.status = _SWITCHING
            self.has_head = True
            self._cut_head()
        else:
            super().on_headers_complete()


class Upgrade:
    """The exchange on one line; `rest` are the bytes after the server's head, which are frames already."""

    def __init__(
        self, line: Line, endpoint: Endpoint, deadline: Deadline, clock: Callable[[], float]
    ) -> None:
        self.endpoint = endpoint
        self.deadline = deadline
        self.clock = clock
        self.bytes_received = 0
        self.response: Response = _UpgradeResponse(endpoint.max_header_bytes, endpoint.max_body_bytes)
        self.rest = b""
        self._line = line
        self._is_switched = False

    def perform(self, request: Request, record: CallRecord, read_error: Callable[[bytes], ErrorBody]) -> bool:
        """Whether the server agreed; if not, the record says what it said instead."""
        key = base64.b64encode(os.urandom(16))
        sent = self.endpoint.upgrade_bytes(request, key.decode())
        record.bytes_sent += self._line.send(sent)
        response = self.response
        at_s = self.read()
        while not response.has_head:
            at_s = self.read()
        record.status = response.status
        record.head = response.head
        if response.status != _SWITCHING:
            refused(self, read_error, record, at_s)
            record.detail = f"no WebSocket: {record.detail}"
            return False
        expected = base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())
        if not self._is_switched or dict(record.headers).get(b"sec-websocket-accept") != expected:
            raise CallError("malformed", "no WebSocket: HTTP 101, but the headers don't answer the handshake")
        return True

    def read(self) -> float:
        """Wait for bytes, time them, then parse them. Raises CallError, or FOREIGN."""
        data = self._line.read()
        at_s = self.clock()
        response = self.response
        self.bytes_received += len(data)
        response.received += len(data)
        try:
            if data:
                response.feed(data)
        except httptools.HttpParserUpgrade as switched:
            self._is_switched = True
            self.rest = data[switched.args[0] :]
            return at_s
        except httptools.HttpParserError:
            if response.status != _SWITCHING:
                raise
            return at_s  # 101 without the headers that belong to it
        if response.received > response.limit:
            raise CallError("malformed", "an answer larger than the limit")
        if self._line.is_ended and not response.is_complete:
            missing = response.end()
            if missing:
                raise ConnectionError(missing)
        return at_s

    def release(self) -> None:
        """The server refused: there is nothing to keep."""

    def close(self) -> None:
        """The line's owner closes it."""
