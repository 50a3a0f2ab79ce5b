"""Books each call when it ends: counters, cost, the truth log and the request log."""

from __future__ import annotations

from dataclasses import dataclass
from time import time
from typing import Any, Final

from tokenswarm.mock.log_file import LogFile
from tokenswarm.mock.playback import Ending
from tokenswarm.mock.proxy.facts import HIT, MISS, Attempt
from tokenswarm.mock.proxy.passage import Passage
from tokenswarm.mock.proxy.tally import GatewayTally
from tokenswarm.mock.proxy.usage import Tokens

_MILLION: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Prices:
    """USD for a million tokens."""

    input: float
    output: float


class Accounts:
    """`truth` has a line for each call and each change; `requests` a line as an operator would read it."""

    def __init__(
        self, tally: GatewayTally, prices: Prices, truth: LogFile | None, requests: LogFile | None
    ) -> None:
        self._tally = tally
        self._prices = prices
        self._truth = truth
        self._requests = requests
        self.has_prices = prices.input > 0 or prices.output > 0

    @property
    def cost_of_hit(self) -> float | None:
        """A hit costs nothing; what it saved is not said."""
        return 0.0 if self.has_prices else None

    def cost(self, tokens: Tokens) -> float | None:
        if not self.has_prices:
            return None
        return (tokens.input * self._prices.input + tokens.output * self._prices.output) / _MILLION

    def began(self) -> None:
        self._tally.received += 1

    def limited(self) -> None:
        self._tally.limited += 1

    def note(self, entry: dict[str, Any]) -> None:
        """A change, into the truth log."""
        if self._truth is not None:
            self._truth.note(entry)

    def ended(self, passage: Passage, ending: Ending) -> None:
        total_ms = passage.total_ms
        upstream_ms = passage.upstream_ms
        overhead_ms = passage.overhead_ms if ending is Ending.ANSWERED else None
        self._count(passage, ending, total_ms, overhead_ms)
        if self._truth is not None:
            self._truth.note(_entry(passage, ending, total_ms, upstream_ms, overhead_ms))
        if self._requests is not None:
            self._requests.write(_line(passage, ending, total_ms, upstream_ms).encode())

    def _count(self, passage: Passage, ending: Ending, total_ms: float, overhead_ms: float | None) -> None:
        tally = self._tally
        source = "cache" if passage.cache == HIT else passage.provider
        if passage.cache == HIT:
            tally.hits[passage.layer] += 1
        elif passage.cache == MISS:
            tally.misses += 1
        if ending is Ending.CUT_BY_CLIENT:
            tally.cut_by_client += 1
        elif ending is Ending.CUT_BY_MOCK:
            tally.cut_by_mock += 1
        else:
            tally.answered[source, passage.status] += 1
            tally.took(source, total_ms)
        if overhead_ms is not None:
            tally.overhead.observe(overhead_ms)
        for kind, number in (("input", passage.tokens.input), ("output", passage.tokens.output)):
            if number:
                tally.tokens[source, kind] += number
        if passage.cost_usd:
            tally.cost_usd[source] = tally.cost_usd.get(source, 0.0) + passage.cost_usd


def _entry(
    passage: Passage, ending: Ending, total_ms: float, upstream_ms: float | None, overhead_ms: float | None
) -> dict[str, Any]:
    asked = passage.asked
    return {
        "id": passage.number.decode(),
        "received_at": round(time() - total_ms / 1000, 6),
        "monotonic_s": round(passage.received_s, 6),
        "path": passage.path.decode("ascii", "replace"),
        "model": asked.model if asked else None,
        "stream": asked.is_stream if asked else None,
        "status": passage.status,
        "ending": ending.value,
        "cache": passage.cache or None,
        "layer": passage.layer or None,
        "forced": passage.is_forced,
        "similarity": _ms(passage.similarity),
        "upstream": passage.provider or None,
        "upstream_id": _upstream_id(passage),
        "attempts": [_attempt(each) for each in passage.attempts],
        "total_ms": _ms(total_ms),
        "upstream_head_ms": _ms(passage.upstream_head_ms),
        "upstream_ms": _ms(upstream_ms),
        "failed_ms": _ms(passage.failed_ms),
        "overhead_ms": _ms(overhead_ms),
        "injected_ms": _ms(passage.injected_ms),
        "input_tokens": passage.tokens.input,
        "output_tokens": passage.tokens.output,
        "cost_usd": passage.cost_usd,
    }


def _upstream_id(passage: Passage) -> str | None:
    """By which the upstream's own log knows the call: OpenAI's header, or Anthropic's."""
    exchange = passage.exchange
    if exchange is None:
        return None
    value = exchange.header(b"x-request-id") or exchange.header(b"request-id")
    return value.decode("latin-1") or None


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "upstream": attempt.upstream.name,
        "status": attempt.status,
        "error": attempt.error,
        "ms": _ms(attempt.ms),
    }


def _line(passage: Passage, ending: Ending, total_ms: float, upstream_ms: float | None) -> str:
    word = "completed" if ending is Ending.ANSWERED else ending.value
    return (
        f"INFO llm_edge_agent: Request {word} request_id={passage.number.decode()} status={passage.status}"
        f" provider={passage.provider or '-'} cache={passage.layer or passage.cache or '-'}"
        f" total_latency_ms={total_ms:.0f} provider_latency_ms={upstream_ms or 0:.0f}\n"
    )


def _ms(number: float | None) -> float | None:
    return None if number is None else round(number, 3)
