"""How each gateway calls the figures on its metrics page; rules as data, beside those about its answers.

Several names for one figure are tried in their order: versions differ, and the first that is there counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

SECONDS: Final[Mapping[str, float]] = MappingProxyType({"s": 1.0, "ms": 1e-3, "us": 1e-6})
# A name that ends so says its unit itself.
UNIT_ENDINGS: Final[Mapping[str, str]] = MappingProxyType(
    {"_seconds": "s", "_ms": "ms", "_milliseconds": "ms", "_microseconds": "us", "_us": "us"}
)


@dataclass(frozen=True, slots=True)
class PageMetric:
    """A metric of a page: the sum over the series that have these labels. `unit` is that of a time."""

    metric: str
    labels: tuple[tuple[str, str], ...] = ()
    unit: str = ""


Names = Mapping[str, tuple[PageMetric, ...]]  # our name → theirs


def _time(metric: str, unit: str) -> tuple[PageMetric, ...]:
    return (PageMetric(metric, unit=unit),)


def _one(*metrics: str) -> tuple[PageMetric, ...]:
    return tuple(PageMetric(metric) for metric in metrics)


# What client libraries of every language say of their process; of use where it can't be watched itself.
OF_PROCESS: Final[Names] = MappingProxyType(
    {
        "target_memory": _one("process_resident_memory_bytes"),
        "target_cores": _one("process_cpu_seconds_total"),
    }
)
PAGES: Final[Mapping[str, Names]] = MappingProxyType(
    {
        "litellm": {
            "target_requests": _one("litellm_proxy_total_requests_metric_total"),
            "target_latency": _time("litellm_request_total_latency_metric", "s"),
            "target_ttft": _time("litellm_llm_api_time_to_first_token_metric", "s"),
            # Its help text says milliseconds, and its code divides by 1,000 before it observes.
            "target_overhead": _time("litellm_overhead_latency_metric", "s"),
            "target_cache_hits": _one("litellm_cache_hits_metric_total"),
            "target_cache_misses": _one("litellm_cache_misses_metric_total"),
            "target_input_tokens": _one("litellm_input_tokens_metric_total"),
            "target_output_tokens": _one("litellm_output_tokens_metric_total"),
            "target_tokens": _one("litellm_total_tokens_metric_total"),
            "target_cost": _one("litellm_spend_metric_total"),
        },
        "bifrost": {
            "target_overhead": _time("bifrost_overhead_latency_microseconds", "us"),
            "target_cache_hits": _one("bifrost_cache_hits_total"),
        },
        "kong": {
            "target_requests": _one("ai_llm_requests_total", "kong_ai_llm_requests_total"),
            "target_tokens": _one("ai_llm_tokens_total", "kong_ai_llm_tokens_total"),
            "target_cost": _one("ai_llm_cost_total", "kong_ai_llm_cost_total"),
        },
        "envoy": {
            "target_ttft": (
                PageMetric("gen_ai_server_time_to_first_token_seconds", unit="s"),
                PageMetric("gen_ai_server_time_to_first_token", unit="s"),
            ),
            "target_latency": (
                PageMetric("gen_ai_server_request_duration_seconds", unit="s"),
                PageMetric("gen_ai_server_request_duration", unit="s"),
            ),
        },
        "vllm": {
            "target_ttft": _time("vllm:time_to_first_token_seconds", "s"),
            "target_latency": _time("vllm:e2e_request_latency_seconds", "s"),
            "target_requests": _one("vllm:request_success_total"),
            "target_input_tokens": _one("vllm:prompt_tokens_total"),
            "target_output_tokens": _one("vllm:generation_tokens_total"),
        },
        "llm-edge-agent": {
            "target_requests": _one("requests_total", "llm_edge_requests_total"),
            "target_latency": _time("llm_edge_request_duration_ms", "ms"),
            "target_cache_hits": _one("llm_edge_cache_hits_total"),
            "target_cache_misses": _one("llm_edge_cache_misses_total"),
            "target_tokens": _one("llm_edge_tokens_total"),
            "target_cost": _one("llm_edge_cost_usd_total"),
        },
    }
)


def names_of(preset: str) -> dict[str, tuple[PageMetric, ...]]:
    """What to look for on the page of such a gateway; `auto` is whatever any of them would say."""
    pages = list(PAGES.values()) if preset == "auto" else [PAGES[preset]] if preset in PAGES else []
    names: dict[str, tuple[PageMetric, ...]] = {}
    for page in pages:
        for name, metrics in page.items():
            names[name] = (*names.get(name, ()), *metrics)
    return names


def unit_of(metric: str) -> str:
    """The unit of time that a metric's name says, if it says one."""
    return next((unit for end, unit in UNIT_ENDINGS.items() if metric.endswith(end)), "")
