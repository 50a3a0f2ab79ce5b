"""Finds an upstream that answers: by priority, the first whose circuit lets it, then the next."""

from __future__ import annotations

from time import perf_counter
from typing import Final

from tokenswarm.mock.proxy.facts import Attempt
from tokenswarm.mock.proxy.link import Exchange
from tokenswarm.mock.proxy.outgoing import Outgoing
from tokenswarm.mock.proxy.passage import Passage
from tokenswarm.mock.proxy.tally import GatewayTally
from tokenswarm.mock.proxy.upstream import Upstream, UpstreamFailedError, elapsed_ms
from tokenswarm.mock.refusal import Refusal

_EVENT_STREAM: Final = b"text/event-stream"
_STATUS_OF: Final = {"timeout": 504}


def is_event_stream(exchange: Exchange) -> bool:
    return exchange.header(b"content-type").startswith(_EVENT_STREAM)


def _is_failure(status: int) -> bool:
    """What another upstream may do better: it is down, overloaded, or wants no more for now."""
    return status >= 500 or status == 429


class Router:
    """`timeout_s` is for the head of an answer, and again for the body of one that isn't streamed."""

    def __init__(self, upstreams: list[Upstream], timeout_s: float, tally: GatewayTally) -> None:
        self._upstreams = upstreams
        self._timeout_s = timeout_s
        self._tally = tally

    async def route(self, passage: Passage, outgoing: Outgoing) -> Refusal | None:
        """None once `passage.exchange` has an answer to pass on, its head if streamed, else all of it.

        If all fail, that is the last one's answer if it gave one, else a Refusal.
        """
        last: Exchange | None = None
        for upstream in self._upstreams:
            if not upstream.breaker.may_call(perf_counter()):
                continue
            if passage.attempts:
                self._leave(passage)
            if last is not None:
                last.abort()
                last = None
            exchange = await self._try(upstream, passage, outgoing)
            if exchange is None:
                continue
            if not _is_failure(exchange.status):
                passage.exchange = exchange
                return None
            last = exchange
        passage.exchange = last
        if last is not None:
            return None
        if passage.attempts:
            passage.failed_ms += passage.attempts[-1].ms
        return self._nobody(passage)

    def streamed(self, passage: Passage, *, is_whole: bool) -> None:
        """A stream that was being passed on is over: only now it is known how its upstream did."""
        breaker = passage.attempts[-1].upstream.breaker
        if is_whole:
            breaker.succeeded()
        else:
            breaker.failed(perf_counter())

    def abandoned(self, passage: Passage) -> None:
        """Its client went while it was being passed on."""
        passage.attempts[-1].upstream.breaker.abandoned()

    def _leave(self, passage: Passage) -> None:
        left = passage.attempts[-1]
        passage.failed_ms += left.ms
        self._tally.failovers[left.upstream.name] += 1

    def _nobody(self, passage: Passage) -> Refusal:
        if not passage.attempts:
            return Refusal(503, "No upstream is healthy: all circuits are open.", code="no_healthy_upstream")
        tried = ", ".join(f"{each.upstream.name}: {each.error}" for each in passage.attempts)
        status = _STATUS_OF.get(passage.attempts[-1].error or "", 502)
        return Refusal(status, f"No upstream answered ({tried}).", code="upstream_failed")

    async def _try(self, upstream: Upstream, passage: Passage, outgoing: Outgoing) -> Exchange | None:
        """The exchange, also one with an error status; None if there was no answer."""
        start_s = perf_counter()
        upstream.in_flight += 1
        breaker = upstream.breaker
        error = None
        exchange = None
        try:
            exchange = await upstream.call(outgoing.to(upstream), self._timeout_s)
            passage.exchange = exchange  # so that a client that leaves takes it along
            if not is_event_stream(exchange):
                await upstream.within(self._timeout_s, exchange)
        except UpstreamFailedError as failure:
            error, exchange, passage.exchange = failure.reason, None, None
        except BaseException:
            breaker.abandoned()
            raise
        finally:
            upstream.in_flight -= 1
        status = exchange.status if exchange is not None else None
        if error is not None or _is_failure(status or 0):
            breaker.failed(perf_counter())
        elif exchange is not None and not is_event_stream(exchange):
            breaker.succeeded()
        sent_s = exchange.sent_s if exchange is not None else start_s
        passage.attempts.append(Attempt(upstream, status, error, elapsed_ms(sent_s)))
        self._tally.attempts[upstream.name, error or str(status)] += 1
        passage.provider = upstream.name
        return exchange

    def retry_after_s(self) -> float:
        """When the first circuit may be tried again."""
        now_s = perf_counter()
        return min(upstream.breaker.wait_s(now_s) for upstream in self._upstreams)
