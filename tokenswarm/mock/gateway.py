"""The front of the mock: checks the key, reads orders, lets the provider plan, counts what comes of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from itertools import count
from typing import Final, NamedTuple

from tokenswarm.errors import ConfigurationError
from tokenswarm.mock.anthropic_messages import AnthropicMessages
from tokenswarm.mock.ask import Ask
from tokenswarm.mock.connection import Connection, Request
from tokenswarm.mock.dialect import MockDialect
from tokenswarm.mock.keys import HeaderLines, KeyCheck, split_path
from tokenswarm.mock.openai_chat import OpenAIChat
from tokenswarm.mock.openai_completions import OpenAICompletions
from tokenswarm.mock.openai_embeddings import OpenAIEmbeddings
from tokenswarm.mock.openai_responses import OpenAIResponses
from tokenswarm.mock.orders import Orders, read_orders, split_model
from tokenswarm.mock.playback import GZIP_HEADERS, Call, Ending, StreamedAnswer, WholeAnswer, gzip_whole
from tokenswarm.mock.provider import OK, Plan, Provider
from tokenswarm.mock.refusal import Refusal
from tokenswarm.mock.tally import Tally
from tokenswarm.mock.timers import Timers

HANG_LIMIT_S: Final = 300.0
_ORDER_PREFIX: Final = b"x-mock-"
_CACHED_ORDERS: Final = 1024
_WAITS: Final = (429, 503, 529)

# What is spoken where; behind /ak/KEY as well.
_ROUTES: Final[Mapping[bytes, MockDialect]] = {
    b"/v1/chat/completions": OpenAIChat(),
    b"/v1/completions": OpenAICompletions(),
    b"/v1/responses": OpenAIResponses(),
    b"/v1/embeddings": OpenAIEmbeddings(),
    b"/v1/messages": AnthropicMessages(),
}
_UNKNOWN: Final = _ROUTES[b"/v1/chat/completions"]  # who says that there is nothing at a path
_PAGE: Final = (
    b"<!DOCTYPE html>\n<html><head><title>Gateway</title></head>"
    b"<body><h1>Please try again later</h1><hr><p>mock gateway</p></body></html>\n"
)


def _header_order(header: tuple[bytes, bytes]) -> tuple[str, str]:
    name, value = header
    return name.removeprefix(_ORDER_PREFIX).decode("latin-1").replace("-", "_"), value.decode(
        "latin-1"
    ).strip()


def _route_behind_key(path: bytes) -> tuple[MockDialect | None, bytes]:
    """Who serves `/ak/KEY/…`, and the key."""
    behind, key = split_path(path)
    return (_ROUTES.get(behind), key) if key else (None, b"")


def _nothing_at(path: bytes) -> Refusal:
    return Refusal(404, f"Unknown request URL: POST {path.decode('ascii', 'replace')}.", code="unknown_url")


# What decides a call's orders: its dialect, its model's name and its x-mock-* headers.
_Ordered = tuple[type[MockDialect], str, tuple[tuple[bytes, bytes], ...]]


class Wanted(NamedTuple):
    """What one acceptable request wants."""

    ask: Ask
    orders: Orders
    accepts_gzip: bool


class Gateway:
    """Answers every POST; `log` is given each call that ended."""

    def __init__(
        self,
        provider: Provider,
        defaults: Orders,
        keys: KeyCheck,
        tally: Tally,
        timers: Timers,
        log: Callable[[Call, Ending], None] | None,
    ) -> None:
        self._provider = provider
        self._defaults = defaults
        self._fault: tuple[tuple[str, str], ...] = ()  # orders that outrank every call's own
        self._keys = keys
        self._tally = tally
        self._timers = timers
        self._log = log
        self._numbers = count(1)
        # Not seeded: ids must differ between runs too, because a repeated id betrays a cached answer.
        self._prefix = os.urandom(6).hex().encode()
        self._orders: dict[_Ordered, Orders | Refusal] = {}

    def reorder(self, defaults: Orders, fault: tuple[tuple[str, str], ...]) -> None:
        """From now on `defaults` stand below every call's own orders, and `fault` above them."""
        self._defaults, self._fault = defaults, fault
        self._orders.clear()

    def handle(self, connection: Connection, request: Request) -> None:
        """Take one call; its answer follows now or later."""
        route = _ROUTES.get(request.path)
        key = b""
        if route is None:
            route, key = _route_behind_key(request.path)
        if route is None:
            self._refuse(self._begin(connection, request, _UNKNOWN), _nothing_at(request.path))
        else:
            self.serve(connection, request, route, key)

    def serve(
        self, connection: Connection, request: Request, dialect: MockDialect, key_in_path: bytes
    ) -> None:
        """Take one call in this dialect."""
        call = self._begin(connection, request, dialect)
        wanted = self._read(request, dialect, key_in_path)
        if isinstance(wanted, Refusal):
            self._refuse(call, wanted)
            return
        call.is_stream = wanted.ask.is_stream
        if wanted.orders.hang:
            call.wait(HANG_LIMIT_S, connection.cut)
            return
        self._play(call, wanted, self._provider.plan(wanted.orders, wanted.ask.max_tokens))

    def _begin(self, connection: Connection, request: Request, dialect: MockDialect) -> Call:
        self._tally.received += 1
        number = b"%b%012x" % (self._prefix, next(self._numbers))
        return Call(number, request.received_s, connection, dialect, self._timers, self._ended)

    def allows(self, headers: HeaderLines, key_in_path: bytes = b"") -> Refusal | None:
        """Why a request with these headers, or this key in its path, is kept out, if it is."""
        return self._keys.refusal(headers, key_in_path)

    def _read(self, request: Request, dialect: MockDialect, key_in_path: bytes) -> Wanted | Refusal:
        refusal = self.allows(request.headers, key_in_path)
        if refusal is not None:
            return refusal
        if request.is_too_large:
            return Refusal(413, "")
        ask = dialect.read(request)
        if isinstance(ask, Refusal):
            return ask
        ordered = []
        accepts_gzip = False
        for name, value in request.headers:
            if name.startswith(_ORDER_PREFIX):
                ordered.append((name, value))
            elif name == b"accept-encoding":
                accepts_gzip = b"gzip" in value
        orders = self.orders_of(dialect, ask.model, tuple(ordered))
        return orders if isinstance(orders, Refusal) else Wanted(ask, orders, accepts_gzip)

    def orders_of(
        self, dialect: MockDialect, model: str, headers: tuple[tuple[bytes, bytes], ...]
    ) -> Orders | Refusal:
        """The orders in a model's name and in x-mock-* headers, on top of the server's own.

        Few models and headers stand in many calls, so what was read once is kept.
        """
        ordered = (type(dialect), model, headers)
        known = self._orders.get(ordered)
        if known is not None:
            return known
        try:
            by_model = read_orders(split_model(model), self._defaults, "in the model name")
            by_header = read_orders(map(_header_order, headers), by_model, "in x-mock-* headers")
            orders: Orders | Refusal = dialect.fit(read_orders(self._fault, by_header, "the fault"))
        except ConfigurationError as error:
            orders = Refusal(400, str(error), code="unknown_order")
        if len(self._orders) >= _CACHED_ORDERS:
            self._orders.clear()
        self._orders[ordered] = orders
        return orders

    def _play(self, call: Call, wanted: Wanted, plan: Plan) -> None:
        call.status = plan.status
        is_gzip = wanted.orders.gzip and wanted.accepts_gzip
        if wanted.orders.html:
            body, more = (gzip_whole(_PAGE), GZIP_HEADERS) if is_gzip else (_PAGE, b"")
            call.connection.respond(call.head(b"text/html; charset=utf-8", more), body)
            call.answered()
        elif plan.status != OK:
            self._refuse(call, Refusal(plan.status, ""), wanted.orders.retry_after)
        else:
            answer = StreamedAnswer if wanted.ask.is_stream else WholeAnswer
            answer(call, wanted.ask, plan, is_gzip=is_gzip).start()

    def _refuse(self, call: Call, refusal: Refusal, retry_after: int = 1) -> None:
        call.status = refusal.status
        more = b"retry-after: %d\r\n" % retry_after if refusal.status in _WAITS else b""
        call.connection.respond(call.head(b"application/json", more), call.dialect.error(refusal))
        call.answered()

    def _ended(self, call: Call, ending: Ending) -> None:
        tally = self._tally
        tally.stream_events += call.events
        if ending is Ending.ANSWERED:
            tally.answered[call.is_stream, call.status] += 1
        elif ending is Ending.CUT_BY_CLIENT:
            tally.cut_by_client += 1
        else:
            tally.cut_by_mock += 1
        if self._log is not None:
            self._log(call, ending)
