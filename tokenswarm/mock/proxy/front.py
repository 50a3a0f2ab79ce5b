"""The proxying gateway: takes a call, answers it from a cache or through an upstream, and accounts for it.

received ─► key, rate ─► body ─► L1, forced hit ─► L2 ─► wait ─► upstreams ─► wait ─► answered
                                      └── hit: wait ──────────────────────────────────┘
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from itertools import count
from math import ceil
from time import perf_counter
from typing import Any, Final

from tokenswarm.mock.anthropic_error import error_body as anthropic_error
from tokenswarm.mock.connection import Connection, Request
from tokenswarm.mock.keys import KeyCheck, keys_in, split_path
from tokenswarm.mock.openai_error import error_body as openai_error
from tokenswarm.mock.playback import Ending
from tokenswarm.mock.proxy.accounts import Accounts
from tokenswarm.mock.proxy.asked import Asked, read_asked
from tokenswarm.mock.proxy.caches import Caches, Hit
from tokenswarm.mock.proxy.facts import BYPASS, HIT, MISS, OFF, Facts
from tokenswarm.mock.proxy.injected import Injected
from tokenswarm.mock.proxy.link import Exchange
from tokenswarm.mock.proxy.outgoing import Outgoing
from tokenswarm.mock.proxy.passage import Passage
from tokenswarm.mock.proxy.rate_limit import Allowance, RateLimit
from tokenswarm.mock.proxy.relay import Distortion, Relay
from tokenswarm.mock.proxy.router import Router, is_event_stream
from tokenswarm.mock.proxy.stored import Stored
from tokenswarm.mock.proxy.styles import Style
from tokenswarm.mock.proxy.usage import is_complete_stream, tokens_in
from tokenswarm.mock.refusal import Refusal
from tokenswarm.mock.status_line import status_line
from tokenswarm.mock.timers import Timers

ROUTES: Final = frozenset(
    f"/v1/{route}".encode()
    for route in ("chat/completions", "completions", "responses", "embeddings", "messages")
)
_ANTHROPIC: Final = b"/v1/messages"
_JSON: Final = b"application/json"
_OK: Final = 200
_TOO_MANY: Final = 429
_UNAVAILABLE: Final = 503
Note = Callable[[Passage, Ending], None]


@dataclass(frozen=True, slots=True)
class Rules:
    """Who may call, how often, and how answers look."""

    keys: KeyCheck
    upstream_key: bytes
    rate_limit: RateLimit | None
    style: Style
    distortion: Distortion


class Proxy:
    """Answers every POST."""

    def __init__(
        self,
        router: Router,
        caches: Caches,
        injected: Injected,
        rules: Rules,
        accounts: Accounts,
        timers: Timers,
    ) -> None:
        self._router = router
        self._caches = caches
        self._injected = injected
        self._rules = rules
        self._accounts = accounts
        self._timers = timers
        self._numbers = count(1)
        # Not seeded: ids must differ between runs too.
        self._prefix = os.urandom(6).hex().encode()
        self._tasks: set[asyncio.Task[Any]] = set()

    def handle(self, connection: Connection, request: Request) -> None:
        """Take one call; its answer follows now or later."""
        path, key_in_path = split_path(request.path)
        number = b"%b%012x" % (self._prefix, next(self._numbers))
        passage = Passage(number, path, request.received_s, connection, self._accounts.ended)
        self._accounts.began()
        allowance, asked = self._admit(request, path, key_in_path)
        if isinstance(asked, Refusal):
            self._refuse(passage, asked, allowance)
            return
        passage.asked = asked
        passage.cache = BYPASS if asked.is_bypass and self._caches.is_on else OFF
        if self._caches.is_on and not asked.is_bypass:
            passage.cache = MISS
            passage.key = asked.exact_key() if self._caches.l1 is not None else b""
            hit = self._caches.find_at_once(asked, passage.key)
            if hit is not None:
                self._answer_hit(passage, hit)
                return
        passes_keys = not self._rules.keys.is_on and not self._rules.upstream_key
        key = self._rules.upstream_key or (key_in_path if passes_keys else b"")
        outgoing = Outgoing(request, asked, key, passes_keys=passes_keys)
        self._spawn(passage, self._answer(passage, asked, outgoing))

    def _spawn(self, passage: Passage, answering: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(answering)
        passage.task = task
        self._hold(task)

        def cut_if_failed(task: asyncio.Task[None]) -> None:
            # A bug of ours: asyncio reports it, and the client shall not wait for ever.
            if not task.cancelled() and task.exception() is not None:
                task.get_loop().call_exception_handler(
                    {"message": "a call failed", "exception": task.exception()}
                )
                passage.connection.cut()

        task.add_done_callback(cut_if_failed)

    def _hold(self, task: asyncio.Task[Any]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # Whether it may come in.

    def _admit(
        self, request: Request, path: bytes, key_in_path: bytes
    ) -> tuple[Allowance | None, Asked | Refusal]:
        if path not in ROUTES:
            return None, Refusal(
                404, f"Unknown request URL: POST {path.decode('ascii', 'replace')}.", code="unknown_url"
            )
        refusal = self._rules.keys.refusal(request.headers, key_in_path)
        if refusal is not None:
            return None, refusal
        limit = self._rules.rate_limit
        if limit is None:
            return None, read_asked(request, path)
        key, *_ = [*keys_in(request.headers, key_in_path), b""]
        allowance = limit.take(key, perf_counter())
        if not allowance.is_allowed:
            self._accounts.limited()
            return allowance, Refusal(_TOO_MANY, f"Rate limit of {limit.calls} requests reached.")
        return allowance, read_asked(request, path)

    def _refuse(self, passage: Passage, refusal: Refusal, allowance: Allowance | None = None) -> None:
        passage.status = refusal.status
        more = b""
        if refusal.status == _TOO_MANY and allowance is not None:
            limit = self._rules.rate_limit
            assert limit is not None
            more = (
                b"retry-after: %d\r\nx-ratelimit-limit-requests: %d\r\n"
                b"x-ratelimit-remaining-requests: %d\r\nx-ratelimit-reset-requests: %dms\r\n"
            ) % (allowance.retry_after, limit.calls, allowance.remaining, ceil(allowance.reset_s * 1000))
        elif refusal.status == _UNAVAILABLE:
            more = b"retry-after: %d\r\n" % max(1, ceil(self._router.retry_after_s()))
        error = anthropic_error if passage.path == _ANTHROPIC else openai_error
        head = self._head(passage, refusal.status, _JSON, [])
        passage.connection.respond(head + more, error(refusal))
        passage.answered()

    # From a cache.

    def _answer_hit(self, passage: Passage, hit: Hit) -> None:
        passage.cache, passage.layer = HIT, hit.layer
        passage.similarity, passage.is_forced = hit.similarity, hit.is_forced
        passage.provider = hit.stored.provider
        delay_s = self._injected.hit_delay_s(hit.layer)
        if delay_s:
            passage.injected_ms = delay_s * 1000
            self._spawn(passage, self._answer_hit_at(passage, hit.stored, passage.received_s + delay_s))
        else:
            self._write_hit(passage, hit.stored)

    async def _answer_hit_at(self, passage: Passage, stored: Stored, due_s: float) -> None:
        await self._until(due_s)
        self._write_hit(passage, stored)

    def _write_hit(self, passage: Passage, stored: Stored) -> None:
        passage.status = _OK
        passage.tokens = stored.tokens
        passage.cost_usd = self._accounts.cost_of_hit
        facts = self._facts(passage)
        head = status_line(_OK) + b"content-type: %b\r\n" % stored.content_type
        head += self._rules.style.headers(facts, stored.headers)
        connection = passage.connection
        if stored.is_stream:
            events = self._rules.style.dress_stream(facts, stored.body)
            connection.begin(head, b"")
            connection.finish(events)
        else:
            connection.respond(head, self._rules.style.dress(facts, stored.body))
        passage.answered()

    # Through an upstream.

    async def _answer(self, passage: Passage, asked: Asked, outgoing: Outgoing) -> None:
        if passage.cache == MISS:
            hit = await self._caches.find_alike(asked)
            if hit is not None:
                self._caches.promote(passage.key, hit.stored)
                self._answer_hit(passage, hit)
                return
        overhead = self._injected.draw_overhead()
        passage.injected_ms = overhead.total_s * 1000
        if overhead.before_s:
            await self._until(passage.received_s + overhead.before_s)
        refusal = await self._router.route(passage, outgoing)
        exchange = passage.exchange
        if refusal is not None or exchange is None:
            assert refusal is not None
            self._refuse(passage, refusal)
            return
        passage.status = exchange.status
        if is_event_stream(exchange):
            await self._relay(passage, exchange)
        else:
            await self._pass_whole(passage, exchange)

    async def _pass_whole(self, passage: Passage, exchange: Exchange) -> None:
        body = exchange.body
        passage.tokens = tokens_in(body[-2048:]) if exchange.status == _OK else passage.tokens
        passage.cost_usd = self._accounts.cost(passage.tokens)
        if exchange.status == _OK:
            self._keep(passage, exchange, body, is_stream=False)
        after_s = self._left_of(passage, exchange)
        if after_s and exchange.done_s is not None:
            await self._until(exchange.done_s + after_s)
        content_type = exchange.header(b"content-type") or _JSON
        facts = self._facts(passage)
        head = self._head(passage, exchange.status, content_type, exchange.headers, facts)
        is_ok = exchange.status == _OK and content_type.startswith(_JSON)
        passage.connection.respond(head, self._rules.style.dress(facts, body) if is_ok else body)
        passage.answered()
        self._learn_from(passage)

    async def _relay(self, passage: Passage, exchange: Exchange) -> None:
        content_type = exchange.header(b"content-type")
        after_s = self._left_of(passage, exchange)
        # A stream's head is written so much later than it came, and so is all that follows it.
        later_ms = 1000 * (after_s + (self._injected.lateness.median_s if after_s else 0.0))
        facts = self._facts(passage, later_ms)
        head = self._head(passage, exchange.status, content_type, exchange.headers, facts)
        changes = self._rules.style.body is not None or self._accounts.has_prices

        def dress(event: bytes) -> bytes:
            if (
                self._accounts.has_prices
            ):  # the client waits for this event: no look at all that came for nothing
                passage.cost_usd = self._accounts.cost(tokens_in(relay.kept))
            return self._rules.style.dress(self._facts(passage, later_ms), event)

        relay = Relay(
            passage.connection,
            head,
            self._timers,
            after_s,
            self._rules.distortion,
            dress if changes else None,
        )
        relay.start(exchange)
        try:
            await relay.done
        except asyncio.CancelledError:
            self._router.abandoned(passage)
            raise
        finally:
            relay.stop()
        kept = relay.kept
        passage.tokens = tokens_in(kept)
        passage.cost_usd = self._accounts.cost(passage.tokens)
        self._router.streamed(passage, is_whole=exchange.is_whole)
        if not exchange.is_whole:
            return  # the connection was cut, and tells that itself
        if passage.cache == MISS and relay.is_kept_whole and is_complete_stream(kept):
            self._keep(passage, exchange, kept, is_stream=True)
        passage.answered(relay.written_s)
        self._learn_from(passage)

    def _keep(self, passage: Passage, exchange: Exchange, body: bytes, *, is_stream: bool) -> None:
        if passage.cache != MISS or passage.asked is None:
            return
        stored = Stored(
            body,
            is_stream,
            exchange.header(b"content-type") or _JSON,
            exchange.headers,
            passage.provider,
            passage.tokens,
        )
        task = self._caches.keep(passage.asked, passage.key, stored)
        if task is not None:
            self._hold(task)

    # What both need.

    def _head(
        self,
        passage: Passage,
        status: int,
        content_type: bytes,
        headers: list[tuple[bytes, bytes]],
        facts: Facts | None = None,
    ) -> bytes:
        return b"%bcontent-type: %b\r\n%b" % (
            status_line(status),
            content_type,
            self._rules.style.headers(facts or self._facts(passage), headers),
        )

    def _facts(self, passage: Passage, later_ms: float = 0.0) -> Facts:
        """As they will be `later_ms` from now."""
        total_ms, upstream_ms = passage.total_ms + later_ms, passage.upstream_ms
        head_ms = passage.upstream_head_ms
        known_ms = upstream_ms if upstream_ms is not None else head_ms
        overhead_ms = None if known_ms is None else max(0.0, total_ms - known_ms - passage.failed_ms)
        asked = passage.asked
        return Facts(
            passage.number,
            passage.cache or OFF,
            passage.layer,
            passage.key,
            passage.similarity,
            asked.model if asked else "",
            passage.provider,
            tuple(passage.attempts),
            head_ms,
            upstream_ms,
            overhead_ms,
            total_ms,
            passage.cost_usd,
            asked.is_stream if asked else False,
        )

    async def _until(self, due_s: float) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        timer = self._timers.at(due_s, lambda: waiter.set_result(None))
        try:
            await waiter
        finally:
            timer.cancel()

    def _learn_from(self, passage: Passage) -> None:
        overhead_ms = passage.overhead_ms
        if overhead_ms is not None and passage.injected_ms:
            self._injected.lateness.learn(is_late=overhead_ms > passage.injected_ms)

    def _left_of(self, passage: Passage, exchange: Exchange) -> float:
        """Seconds of the injected overhead to wait for: what was and will be spent anyway is part of it."""
        spent_s = exchange.sent_s - passage.received_s - passage.failed_ms / 1000
        return max(0.0, passage.injected_ms / 1000 - spent_s - self._injected.lateness.median_s)
