"""How known gateways say cache status, layer, provider, times, fallback and cost: a table of header presets.

Names are those that tokenswarm reads, so that what it reads can be held against the truth log. A style says
what a gateway of that name says, and no more: Envoy has no cache header, Portkey no times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import orjson

from tokenswarm.mock.proxy.facts import HIT, MISS, OFF, Facts
from tokenswarm.mock.proxy.link import Headers
from tokenswarm.mock.proxy.usage import Events, closes, into_object, into_usage, without_tokens

Rows = Iterator[tuple[str, str]]
_HOP_BY_HOP: Final = frozenset(
    (
        b"connection",
        b"keep-alive",
        b"transfer-encoding",
        b"content-length",
        b"content-type",
        b"upgrade",
        b"te",
    )
)
_EXACT: Final = {"l1": "direct", "l2": "semantic"}


@dataclass(frozen=True, slots=True)
class Style:
    """`rows` are header lines; `body` is spliced into the JSON that has the usage (the last of a stream's).

    The upstream's headers are handed on with `prefix` before their names, on a hit only if `replays_headers`.
    """

    rows: Callable[[Facts], Rows]
    body: Callable[[Facts, bytes], bytes] | None = None
    prefix: bytes = b""
    replays_headers: bool = False
    cost_field: str = "cost"  # in usage

    def headers(self, facts: Facts, upstream: Headers) -> bytes:
        """Whole header lines."""
        rows = list(self.rows(facts))
        own = "".join(f"{name}: {value}\r\n" for name, value in rows)
        lines = [b"x-mock-gateway-id: ", facts.number, b"\r\n", own.encode("latin-1", "replace")]
        if facts.cache != HIT or self.replays_headers:
            taken = {name.lower().encode() for name, _ in rows}
            for name, value in upstream:
                if self.prefix + name not in taken and name not in _HOP_BY_HOP:
                    lines += (self.prefix, name, b": ", value, b"\r\n")
        return b"".join(lines)

    def dress(self, facts: Facts, data: bytes) -> bytes:
        """The whole body, or a stream's event with the usage, with what this gateway adds to it."""
        if facts.cost_usd is not None:
            data = into_usage(data, f'"{self.cost_field}":{facts.cost_usd:.10g},'.encode())
        return data if self.body is None else self.body(facts, data)

    def dress_stream(self, facts: Facts, data: bytes) -> bytes:
        """A whole stream with its event with the usage dressed."""
        if facts.cost_usd is None and self.body is None:
            return data
        events = Events()
        dressed = [self.dress(facts, event) if closes(event) else event for event in events.feed(data)]
        return b"".join(dressed) + events.rest()


def _upper(facts: Facts) -> str:
    return facts.cache.upper()


def _edge_rows(facts: Facts) -> Rows:
    yield "x-llm-edge-request-id", facts.number.decode()
    yield "x-llm-edge-provider", facts.provider
    yield "x-llm-edge-cache", facts.cache
    if facts.layer:
        yield "x-llm-edge-cache-tier", facts.layer
    yield "x-llm-edge-attempts", str(len(facts.attempts))
    yield "x-llm-edge-latency-ms", f"{facts.total_ms:.3f}"
    if facts.upstream_ms is not None:
        yield "x-llm-edge-provider-latency-ms", f"{facts.upstream_ms:.3f}"
    if facts.overhead_ms is not None:
        yield "x-llm-edge-overhead-ms", f"{facts.overhead_ms:.3f}"
    if facts.cost_usd is not None:
        yield "x-llm-edge-cost-usd", f"{facts.cost_usd:.10g}"


def _fields(fields: dict[str, Any]) -> bytes:
    return orjson.dumps(fields)[1:-1] + b","


def _edge_body(facts: Facts, data: bytes) -> bytes:
    metadata = {
        "provider": facts.provider,
        "cached": facts.cache == HIT,
        "cache_tier": facts.layer or None,
        "latency_ms": round(facts.total_ms, 3),
        "cost_usd": facts.cost_usd,
    }
    return into_object(data, _fields({"metadata": metadata}))


def _litellm_rows(facts: Facts) -> Rows:
    yield "x-litellm-call-id", facts.number.decode()
    yield "x-litellm-version", "1.106.2"
    yield "x-litellm-model-group", facts.model
    yield "x-litellm-model-name", f"openai/{facts.model}"
    if facts.attempts:
        yield "x-litellm-model-api-base", f"{facts.attempts[-1].upstream.address.url}/v1"
    if facts.cache == HIT:
        yield "x-litellm-cache-key", facts.key.hex()
    if facts.cost_usd is not None and not facts.is_stream:
        yield "x-litellm-response-cost", f"{facts.cost_usd:.10g}"
    yield "x-litellm-response-duration-ms", f"{facts.total_ms:.3f}"
    if facts.overhead_ms is not None:
        yield "x-litellm-overhead-duration-ms", f"{facts.overhead_ms:.4f}"
    yield "x-litellm-attempted-retries", "0"
    yield "x-litellm-attempted-fallbacks", str(facts.fallbacks)


def _portkey_rows(facts: Facts) -> Rows:
    word = (
        "DISABLED" if facts.cache == OFF else "REFRESH" if facts.cache not in (HIT, MISS) else _upper(facts)
    )
    yield "x-portkey-cache-status", f"SEMANTIC {word}" if facts.layer == "l2" else word
    index = facts.attempts[-1].upstream.index if facts.attempts else 0
    yield "x-portkey-last-used-option-index", f"config.targets[{index}]"
    yield "x-portkey-provider", facts.provider
    yield "x-portkey-retry-attempt-count", "0"
    yield "x-portkey-trace-id", facts.number.decode()


def _list(values: Iterator[str]) -> str:
    return ", ".join(values) or "-"


def _nginx_rows(facts: Facts) -> Rows:
    if facts.cache != OFF:
        yield "X-Cache-Status", _upper(facts)
    tries = facts.attempts
    if tries:
        yield "X-Upstream-Addr", _list(each.upstream.address.netloc for each in tries)
        yield "X-Upstream-Status", _list(str(each.status or 502) for each in tries)
        # The last one's is the time to its head; that of those that failed is all they took.
        head_ms = [each.ms for each in tries[:-1]] + [facts.upstream_head_ms or tries[-1].ms]
        yield "X-Upstream-Header-Time", _list(f"{ms / 1000:.3f}" for ms in head_ms)
        whole_ms = facts.upstream_ms
        yield "X-Upstream-Response-Time", "-" if whole_ms is None else f"{whole_ms / 1000:.3f}"
    yield "X-Request-Time", f"{facts.total_ms / 1000:.3f}"
    yield "X-Gateway-Request-Id", facts.number.decode()


def _envoy_rows(facts: Facts) -> Rows:
    yield "server", "envoy"
    if facts.attempts:
        spent_ms = sum(each.ms for each in facts.attempts[:-1]) + (facts.upstream_head_ms or 0.0)
        yield "x-envoy-upstream-service-time", f"{spent_ms:.0f}"
        yield "x-envoy-upstream-host", facts.attempts[-1].upstream.address.netloc
        yield "x-envoy-attempt-count", str(len(facts.attempts))
    yield "x-request-id", facts.number.decode()


def _kong_rows(facts: Facts) -> Rows:
    if facts.cache != OFF:
        yield "X-Cache-Status", facts.cache.capitalize()
    if facts.upstream_head_ms is not None:
        yield "X-Kong-Upstream-Latency", f"{facts.upstream_ms or facts.upstream_head_ms:.0f}"
    if facts.overhead_ms is not None:
        yield "X-Kong-Proxy-Latency", f"{facts.overhead_ms:.0f}"
    yield "X-Kong-LLM-Model", f"{facts.provider}/{facts.model}"
    yield "X-Kong-Request-Id", facts.number.decode()


def _apisix_rows(facts: Facts) -> Rows:
    yield "server", "APISIX/3.16.0"
    if facts.cache != OFF:
        yield "X-AI-Cache-Status", _upper(facts)
    if facts.layer == "l2":
        yield "X-AI-Cache-Similarity", f"{facts.similarity or 1.0:.4f}"


def _bifrost_body(facts: Facts, data: bytes) -> bytes:
    debug: dict[str, Any] = {"cache_hit": facts.cache == HIT}
    if facts.layer:
        debug["hit_type"] = _EXACT[facts.layer]
    extra = {"provider": facts.provider, "latency": round(facts.total_ms), "cache_debug": debug}
    return into_object(data, _fields({"extra_fields": extra}))


def _helicone_rows(facts: Facts) -> Rows:
    yield "helicone-id", facts.number.decode()
    yield "helicone-provider", facts.provider
    if facts.cache != OFF:
        yield "helicone-cache", "HIT" if facts.cache == HIT else "MISS"


def _cloudflare_rows(facts: Facts) -> Rows:
    if facts.cache != OFF:
        yield "cf-aig-cache-status", "HIT" if facts.cache == HIT else "MISS"
    yield "cf-aig-step", str(facts.attempts[-1].upstream.index if facts.attempts else 0)
    yield "cf-aig-log-id", facts.number.decode()


def _openrouter_rows(facts: Facts) -> Rows:
    yield "X-Generation-Id", f"gen-{facts.number.decode()}"


def _openrouter_body(facts: Facts, data: bytes) -> bytes:
    return into_object(data, _fields({"provider": facts.provider}))


def _tensorzero_body(facts: Facts, data: bytes) -> bytes:
    data = into_object(data, _fields({"episode_id": facts.number.decode()}))
    return without_tokens(data) if facts.cache == HIT else data


def _no_rows(_facts: Facts) -> Rows:
    return iter(())


STYLES: Final = MappingProxyType(
    {
        "llm-edge-agent": Style(_edge_rows, _edge_body),
        "litellm": Style(_litellm_rows, prefix=b"llm_provider-"),
        "portkey": Style(_portkey_rows),
        "tensorzero": Style(_no_rows, _tensorzero_body, cost_field="tensorzero_cost"),
        "nginx": Style(_nginx_rows, replays_headers=True),
        "envoy": Style(_envoy_rows),
        "kong": Style(_kong_rows),
        "apisix": Style(_apisix_rows),
        "bifrost": Style(_no_rows, _bifrost_body),
        "helicone": Style(_helicone_rows),
        "cloudflare": Style(_cloudflare_rows),
        "openrouter": Style(_openrouter_rows, _openrouter_body),
        "none": Style(_no_rows),
    }
)
