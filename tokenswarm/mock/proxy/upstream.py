"""One upstream: its idle connections, its breaker, and one call to it up to the head of its answer."""

from __future__ import annotations

import asyncio
import ssl
from time import perf_counter
from typing import Final

from tokenswarm.mock.proxy.breaker import Breaker
from tokenswarm.mock.proxy.link import Exchange, Link, LinkLostError
from tokenswarm.mock.proxy.upstream_address import UpstreamAddress

_MAX_IDLE: Final = 1024


class UpstreamFailedError(Exception):
    """No answer came; `reason` is one of refused, lost, timeout, marked_down."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Upstream:
    """Where calls go. `is_marked_down` plays an outage from this side: calls fail at once, unsent."""

    def __init__(self, index: int, address: UpstreamAddress, breaker: Breaker) -> None:
        self.index = index
        self.address = address
        self.breaker = breaker
        self.is_marked_down = False
        self.in_flight = 0
        self._idle: list[Link] = []
        self._tls = ssl.create_default_context() if address.is_tls else None

    @property
    def name(self) -> str:
        return self.address.name

    async def call(self, request: bytes, timeout_s: float) -> Exchange:
        """The exchange once its head is there; UpstreamFailedError if that doesn't come."""
        if self.is_marked_down:
            raise UpstreamFailedError("marked_down")
        try:
            async with asyncio.timeout(timeout_s):
                return await self._call(request)
        except TimeoutError:
            raise UpstreamFailedError("timeout") from None
        except OSError:
            raise UpstreamFailedError("refused") from None

    async def within(self, timeout_s: float, exchange: Exchange) -> None:
        """Wait for the whole body; UpstreamFailedError if that takes too long, or it is cut."""
        try:
            async with asyncio.timeout(timeout_s):
                await exchange.wait()
        except TimeoutError:
            exchange.abort()
            raise UpstreamFailedError("timeout") from None
        if not exchange.is_whole:
            raise UpstreamFailedError("lost")

    async def _call(self, request: bytes) -> Exchange:
        while True:
            link = self._take_idle()
            is_reused = link is not None
            if link is None:
                link = await self._connect()
            exchange = link.send(request)
            try:
                await exchange.head
            except LinkLostError:
                # A kept connection may have been closed while the request was under way: that is no outage.
                if is_reused:
                    continue
                raise UpstreamFailedError("lost") from None
            except BaseException:
                exchange.abort()
                raise
            return exchange

    def close(self) -> None:
        for link in self._idle:
            link.close()
        self._idle.clear()

    def _take_idle(self) -> Link | None:
        while self._idle:
            link = self._idle.pop()
            if not link.is_lost:
                return link
        return None

    async def _connect(self) -> Link:
        _, link = await asyncio.get_running_loop().create_connection(
            lambda: Link(self._free), self.address.host, self.address.port, ssl=self._tls
        )
        return link

    def _free(self, link: Link) -> None:
        if len(self._idle) < _MAX_IDLE:
            self._idle.append(link)
        else:
            link.close()


def elapsed_ms(since_s: float) -> float:
    """From then to now."""
    return (perf_counter() - since_s) * 1000
