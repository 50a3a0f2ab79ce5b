"""HTTP/1.1 to an upstream: one exchange at a time on a connection, its answer handed on as it comes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import perf_counter
from typing import Final, cast

import httptools

from tokenswarm.mock.outlet import Outlet

Headers = list[tuple[bytes, bytes]]
# (bytes of the body, whether the answer is over, whether it was whole)
Taker = Callable[[bytes, bool, bool], None]
_FIRST_FINAL_STATUS: Final = 200


class LinkLostError(Exception):
    """The connection ended before the head of the answer."""


# A plain slots class: one is made for each call.
class Exchange:
    """One request and its answer; times are perf_counter's, None until then."""

    __slots__ = (
        "_held",
        "_link",
        "_taker",
        "_whole",
        "done_s",
        "first_s",
        "head",
        "head_s",
        "headers",
        "is_over",
        "is_whole",
        "sent_s",
        "status",
    )

    def __init__(self, link: Link) -> None:
        self._link = link
        self._held: list[bytes] = []
        self._taker: Taker | None = None
        self._whole: asyncio.Future[None] | None = None
        self.head: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.headers: Headers = []  # names in lower case
        self.status = 0
        self.is_over = False
        self.is_whole = False
        self.sent_s = perf_counter()  # before the write: the upstream may be faster than our return from it
        self.head_s: float | None = None
        self.first_s: float | None = None  # of the body
        self.done_s: float | None = None

    def header(self, name: bytes) -> bytes:
        return next((value for key, value in self.headers if key == name), b"")

    def take(self, taker: Taker) -> None:
        """Hand over what has come, and from now on what comes."""
        self._taker = taker
        if self._held or self.is_over:
            held = b"".join(self._held)
            self._held.clear()
            taker(held, self.is_over, self.is_whole)

    async def wait(self) -> None:
        """Until the whole body is there, or as much of it as the upstream sent (`is_whole`)."""
        if not self.is_over:
            self._whole = asyncio.get_running_loop().create_future()
            await self._whole

    @property
    def body(self) -> bytes:
        """What has come and was not taken."""
        return b"".join(self._held)

    def abort(self) -> None:
        """Let go of it; an upstream that is still answering sees its client leave."""
        self._taker = None
        if not self.is_over:
            self._link.close()

    # What the link calls.

    def began(self, status: int, headers: Headers) -> None:
        self.status, self.headers = status, headers
        self.head_s = perf_counter()
        if not self.head.done():
            self.head.set_result(None)

    def came(self, data: bytes, is_over: bool, is_whole: bool) -> None:
        now_s = perf_counter()
        if data and self.first_s is None:
            self.first_s = now_s
        if is_over:
            self.is_over, self.is_whole, self.done_s = True, is_whole, now_s
        if self._taker is not None:
            self._taker(data, is_over, is_whole)
        elif data:
            self._held.append(data)
        if is_over:
            if not self.head.done():
                self.head.set_exception(LinkLostError())
            if self._whole is not None and not self._whole.done():
                self._whole.set_result(None)


class Link(asyncio.Protocol):
    """One connection; `free(link)` is called when it can carry the next exchange."""

    def __init__(self, free: Callable[[Link], None]) -> None:
        self._free = free
        self._exchange: Exchange | None = None
        self._is_kept = False
        self._is_until_close = False
        self.is_lost = False
        self._reset()

    def _reset(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._headers: Headers = []
        self._arrived: list[bytes] = []
        self._is_complete = False

    def send(self, data: bytes) -> Exchange:
        """Write the whole request now."""
        self._exchange = Exchange(self)
        self._outlet.write(data)
        return self._exchange

    def close(self) -> None:
        self.is_lost = True
        self._exchange = None
        self._transport.close()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._outlet = Outlet(self._transport)

    def data_received(self, data: bytes) -> None:
        if self._exchange is None:
            self.close()  # an answer that nobody asked for
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._end(is_whole=False)
            self._transport.close()
            return
        if self._is_complete:
            self._end(is_whole=True)
        elif self._arrived:
            arrived, self._arrived = b"".join(self._arrived), []
            self._exchange.came(arrived, False, False)

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_lost = True
        self._outlet.is_closing = True
        if self._exchange is not None:
            # An answer without a length ends with its connection.
            self._end(is_whole=self._is_until_close and exc is None)

    def _end(self, *, is_whole: bool) -> None:
        exchange, self._exchange = self._exchange, None
        assert exchange is not None
        arrived = b"".join(self._arrived)
        is_kept = is_whole and self._is_kept and not self.is_lost
        if is_kept:
            self._reset()
            self._free(self)
        else:
            self.is_lost = True
            self._transport.close()
        exchange.came(arrived, True, is_whole)

    # What the parser calls.

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < _FIRST_FINAL_STATUS:
            return
        assert self._exchange is not None
        names = {name for name, _ in self._headers}
        self._is_until_close = not names & {b"content-length", b"transfer-encoding"}
        self._exchange.began(status, self._headers)

    def on_body(self, body: bytes) -> None:
        self._arrived.append(body)

    def on_message_complete(self) -> None:
        if self._parser.get_status_code() < _FIRST_FINAL_STATUS:
            self._headers = []
            return
        self._is_kept = self._parser.should_keep_alive()
        self._is_complete = True
