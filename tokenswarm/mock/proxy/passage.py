"""One call on its way through the gateway: what is known of it so far, and its end, told exactly once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import perf_counter

from tokenswarm.mock.connection import Connection
from tokenswarm.mock.playback import Ending
from tokenswarm.mock.proxy.asked import Asked
from tokenswarm.mock.proxy.facts import Attempt
from tokenswarm.mock.proxy.link import Exchange
from tokenswarm.mock.proxy.usage import Tokens

Ended = Callable[["Passage", Ending], None]


# A plain slots class: one is made for each call.
class Passage:
    """Times are perf_counter's seconds; `upstream_s` is None for a call that no upstream answered."""

    __slots__ = (
        "_ended",
        "asked",
        "attempts",
        "cache",
        "connection",
        "cost_usd",
        "exchange",
        "failed_ms",
        "injected_ms",
        "is_forced",
        "key",
        "layer",
        "number",
        "path",
        "provider",
        "received_s",
        "similarity",
        "status",
        "task",
        "tokens",
        "written_s",
    )

    def __init__(
        self, number: bytes, path: bytes, received_s: float, connection: Connection, ended: Ended
    ) -> None:
        self.number = number
        self.path = path
        self.received_s = received_s
        self.connection = connection
        self._ended = ended
        self.asked: Asked | None = None
        self.key = b""  # of the exact cache
        self.cache = ""
        self.layer = ""
        self.is_forced = False
        self.similarity: float | None = None
        self.provider = ""
        self.attempts: list[Attempt] = []
        self.exchange: Exchange | None = None  # the one whose answer is passed on
        self.failed_ms = 0.0  # what attempts took whose answers were not passed on
        self.injected_ms = 0.0
        self.status = 0
        self.tokens = Tokens(0, 0)
        self.cost_usd: float | None = None
        self.written_s: float | None = None  # the answer's last byte
        self.task: asyncio.Task[None] | None = None
        connection.on_lost = self._lost

    @property
    def total_ms(self) -> float:
        """Up to now, or to the last byte written."""
        return ((self.written_s or perf_counter()) - self.received_s) * 1000

    @property
    def overhead_ms(self) -> float | None:
        """What isn't the upstream's; None until it has answered."""
        upstream_ms = self.upstream_ms
        return None if upstream_ms is None else self.total_ms - upstream_ms - self.failed_ms

    @property
    def upstream_head_ms(self) -> float | None:
        """From the request's last byte sent to the answer's head."""
        exchange = self.exchange
        if exchange is None or exchange.head_s is None:
            return None
        return (exchange.head_s - exchange.sent_s) * 1000

    @property
    def upstream_ms(self) -> float | None:
        """From the request's last byte sent to the answer's last received; None until then."""
        exchange = self.exchange
        if exchange is None or exchange.done_s is None:
            return None
        return (exchange.done_s - exchange.sent_s) * 1000

    def answered(self, written_s: float | None = None) -> None:
        """Its last byte is written, just now unless that is told."""
        self.written_s = written_s or perf_counter()
        self._ended(self, Ending.ANSWERED)

    def _lost(self, by_mock: bool) -> None:
        # One that cut the connection itself has still to say what became of it.
        if self.task is not None and not by_mock:
            self.task.cancel()
        if self.exchange is not None:
            self.exchange.abort()
        self._ended(self, Ending.CUT_BY_MOCK if by_mock else Ending.CUT_BY_CLIENT)
