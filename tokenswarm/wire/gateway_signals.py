"""How known gateways and providers say cache hit, upstream time, fallback and the rest: a table of rules.

A preset is what the answers of one gateway look like when nobody strips its headers. `marks` betray it to
`gateway: auto`; each is a rule of its own, and gives the preset's name away by applying.

Costs that stand in `usage` (LiteLLM's streams, OpenRouter, TensorZero) are read with the tokens, and need
no rule here. A provider's own prompt cache is counted from `usage` too: it is no cache of the gateway's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType
from typing import Final

from tokenswarm.wire.signal_rule import Rule

AUTO: Final = "auto"
NONE: Final = "none"


@dataclass(frozen=True, slots=True)
class Mark:
    """A header, with a regex that its value must match, or a place in the body."""

    header: str = ""
    matches: str = ""
    path: str = ""

    @property
    def name(self) -> str:
        """For people: why a gateway was taken for what it is."""
        return f"header {self.header}" if self.header else f"{self.path} in the body"


class Standing(IntEnum):
    """Who may have handed on the marks of whom: the first of them is the one that is tested."""

    GATEWAY = 0  # of LLMs
    PROXY = 1  # of anything: an LLM gateway often stands behind one
    PROVIDER = 2  # its headers come through most gateways


@dataclass(frozen=True, slots=True)
class Preset:
    """One gateway's rules; `standing` says how much its marks prove beside those of others."""

    marks: tuple[Mark, ...]
    rules: tuple[Rule, ...]
    standing: Standing = Standing.GATEWAY


def _limits(prefix: str, *kinds: str) -> tuple[Rule, ...]:
    """OpenAI's names of limits, which most gateways hand on: prefix-limit-requests …"""
    return tuple(
        Rule(f"{word}_{kind}", header=f"{prefix}-{word}-{kind}")
        for kind in kinds or ("requests", "tokens")
        for word in ("limit", "remaining")
    )


_OPENAI_LIMITS: Final = _limits("x-ratelimit")
_HIT_OR_MISS: Final = (("hit", r"(?i)^hit"), ("miss", r"(?i)^miss"))


def _cache_status(header: str) -> tuple[Rule, ...]:
    return tuple(Rule("cache", header=header, matches=regex, value=value) for value, regex in _HIT_OR_MISS)


def _fell_back(header: str, no: str, yes: str = "") -> tuple[Rule, ...]:
    return (
        Rule("fell_back", header=header, matches=no, value="no"),
        Rule("fell_back", header=header, matches=yes, value="yes"),
    )


_LITELLM: Final = Preset(
    marks=(Mark("x-litellm-call-id"), Mark("x-litellm-version")),
    rules=(
        Rule("cache", header="x-litellm-cache-key", value="hit"),
        # Some versions leave the key out of streamed hits.
        Rule("cache", body="repeated_id", value="hit"),
        Rule("cache", header="x-litellm-cache-key", absent=True, value="miss"),
        *_fell_back("x-litellm-attempted-fallbacks", r"^0$", r"^[1-9]"),
        # The address tells deployments apart that have one provider's name; some providers have none.
        Rule("provider", header="x-litellm-model-api-base", matches=r"^\w+://([^/]+)"),
        Rule("provider", header="x-litellm-model-name", matches=r"^([^/]+)/"),
        Rule("model", header="x-litellm-model-name", matches=r"^(?:[^/]+/)?(.+)$"),
        Rule("overhead", header="x-litellm-overhead-duration-ms"),
        Rule("cost", header="x-litellm-response-cost"),
        Rule("request_id", header="x-litellm-call-id"),
        *_OPENAI_LIMITS,
        *_limits("llm_provider-x-ratelimit"),
    ),
)
_PORTKEY: Final = Preset(
    marks=(Mark("x-portkey-trace-id"), Mark("x-portkey-provider"), Mark("x-portkey-cache-status")),
    rules=(
        Rule("cache", header="x-portkey-cache-status", matches=r"^(?:SEMANTIC )?HIT$", value="hit"),
        Rule(
            "cache",
            header="x-portkey-cache-status",
            matches=r"^(?:(?:SEMANTIC )?MISS|REFRESH)$",
            value="miss",
        ),
        Rule("cache_layer", header="x-portkey-cache-status", matches=r"^SEMANTIC HIT$", value="semantic"),
        Rule("cache_layer", header="x-portkey-cache-status", matches=r"^HIT$", value="exact"),
        # The place in its config: a load balancer's second target looks just like a fallback's.
        *_fell_back("x-portkey-last-used-option-index", r"^config(?:\.targets\[0\])*$", r"\[[1-9]"),
        Rule("provider", header="x-portkey-provider"),
        Rule("request_id", header="x-portkey-trace-id"),
        *_OPENAI_LIMITS,
    ),
)
_TENSORZERO: Final = Preset(
    marks=(Mark(path="episode_id"),),
    rules=(
        Rule("cache", body="no_tokens", value="hit"),
        Rule("cache", body="some_tokens", value="miss"),
    ),
)
_NGINX: Final = Preset(
    marks=(
        Mark("x-upstream-header-time"),
        Mark("x-upstream-addr"),
        # In capitals: Kong writes them as names.
        Mark("x-cache-status", r"^(?:HIT|MISS|BYPASS|EXPIRED|STALE|UPDATING|REVALIDATED)$"),
    ),
    rules=(
        Rule("cache", header="x-cache-status", matches=r"^(?:HIT|STALE|UPDATING|REVALIDATED)$", value="hit"),
        Rule("cache", header="x-cache-status", matches=r"^(?:MISS|EXPIRED)$", value="miss"),
        Rule("cache_layer", header="x-cache-status", matches=r"^(STALE|UPDATING|REVALIDATED)$"),
        *_fell_back("x-upstream-addr", r"^[^,]+$", r","),
        Rule("provider", header="x-upstream-addr", matches=r"(\S+)$"),
        Rule("upstream_time", header="x-upstream-header-time", unit="s"),
        Rule("upstream_time", header="x-upstream-response-time", unit="s"),
        Rule("request_id", header="x-gateway-request-id"),
        Rule("request_id", header="x-request-id"),
        *_OPENAI_LIMITS,
    ),
    standing=Standing.PROXY,
)
_ENVOY: Final = Preset(
    marks=(Mark("x-envoy-upstream-service-time"), Mark("server", r"^envoy$")),
    rules=(
        # Its retries and its fallbacks are both attempts.
        *_fell_back("x-envoy-attempt-count", r"^1$", r"^\d+$"),
        Rule("provider", header="x-envoy-upstream-host"),
        Rule("upstream_time", header="x-envoy-upstream-service-time"),
        Rule("request_id", header="x-request-id"),
        *_OPENAI_LIMITS,
    ),
    standing=Standing.PROXY,
)
_KONG: Final = Preset(
    marks=(
        Mark("x-kong-upstream-latency"),
        Mark("x-kong-proxy-latency"),
        Mark("x-kong-llm-model"),
        Mark("x-kong-request-id"),
    ),
    rules=(
        Rule("cache", header="x-cache-status", matches=r"(?i)^hit$", value="hit"),
        Rule("cache", header="x-cache-status", matches=r"(?i)^(?:miss|refresh)$", value="miss"),
        Rule("provider", header="x-kong-llm-model", matches=r"^([^/]+)/"),
        Rule("model", header="x-kong-llm-model", matches=r"^[^/]+/(.+)$"),
        Rule("upstream_time", header="x-kong-upstream-latency"),
        Rule("overhead", header="x-kong-proxy-latency"),
        Rule("request_id", header="x-kong-request-id"),
        *_OPENAI_LIMITS,
    ),
)
_APISIX: Final = Preset(
    marks=(Mark("x-ai-cache-status"), Mark("apisix-cache-status"), Mark("server", r"^APISIX")),
    rules=(
        *_cache_status("x-ai-cache-status"),
        # The likeness is told of semantic hits only.
        Rule("cache_layer", header="x-ai-cache-similarity", value="L2"),
        Rule("cache_layer", header="x-ai-cache-status", value="L1"),
        *_OPENAI_LIMITS,
    ),
)
_BIFROST: Final = Preset(
    marks=(Mark(path="extra_fields.provider"), Mark(path="extra_fields.cache_debug")),
    rules=(
        Rule("cache", path="extra_fields.cache_debug.cache_hit", equals=True, value="hit"),
        Rule("cache", path="extra_fields.cache_debug.cache_hit", equals=False, value="miss"),
        Rule("cache_layer", path="extra_fields.cache_debug.hit_type"),
        Rule("provider", path="extra_fields.provider"),
        *_OPENAI_LIMITS,
    ),
)
_HELICONE: Final = Preset(
    marks=(Mark("helicone-id"), Mark("helicone-cache"), Mark("helicone-provider")),
    rules=(
        *_cache_status("helicone-cache"),
        Rule("provider", header="helicone-provider"),
        Rule("request_id", header="helicone-id"),
        *_OPENAI_LIMITS,
    ),
)
_CLOUDFLARE: Final = Preset(
    marks=(Mark("cf-aig-cache-status"), Mark("cf-aig-log-id"), Mark("cf-aig-step")),
    rules=(
        *_cache_status("cf-aig-cache-status"),
        *_fell_back("cf-aig-step", r"^0$", r"^[1-9]"),
        Rule("request_id", header="cf-aig-log-id"),
        *_OPENAI_LIMITS,
    ),
)
_OPENROUTER: Final = Preset(
    marks=(Mark("x-generation-id"),),
    rules=(
        Rule("provider", path="provider"),
        Rule("request_id", header="x-generation-id"),
        *_OPENAI_LIMITS,
    ),
)
_OPENAI: Final = Preset(
    marks=(Mark("openai-processing-ms"), Mark("openai-version")),
    rules=(
        Rule("upstream_time", header="openai-processing-ms"),
        Rule("request_id", header="x-request-id"),
        *_OPENAI_LIMITS,
    ),
    standing=Standing.PROVIDER,
)
_ANTHROPIC: Final = Preset(
    marks=(Mark("anthropic-organization-id"), Mark("anthropic-ratelimit-requests-limit")),
    rules=(
        Rule("request_id", header="request-id"),
        *(
            Rule(f"{word}_{kind}", header=f"anthropic-ratelimit-{kind}-{word}")
            for kind in ("requests", "tokens")
            for word in ("limit", "remaining")
        ),
    ),
    standing=Standing.PROVIDER,
)
_LLM_EDGE_AGENT: Final = Preset(
    marks=(Mark(path="metadata.cached"),),
    rules=(
        Rule("cache", path="metadata.cached", equals=True, value="hit"),
        Rule("cache", path="metadata.cached", equals=False, value="miss"),
        Rule("cache_layer", path="metadata.cache_tier"),
        Rule("provider", path="metadata.provider"),
        Rule("cost", path="metadata.cost_usd"),
        *_OPENAI_LIMITS,
    ),
)

PRESETS: Final[Mapping[str, Preset]] = MappingProxyType(
    {
        "litellm": _LITELLM,
        "portkey": _PORTKEY,
        "tensorzero": _TENSORZERO,
        "nginx": _NGINX,
        "envoy": _ENVOY,
        "kong": _KONG,
        "apisix": _APISIX,
        "bifrost": _BIFROST,
        "helicone": _HELICONE,
        "cloudflare": _CLOUDFLARE,
        "openrouter": _OPENROUTER,
        "openai": _OPENAI,
        "anthropic": _ANTHROPIC,
        "llm-edge-agent": _LLM_EDGE_AGENT,
    }
)
GATEWAYS: Final = (*PRESETS, AUTO, NONE)
