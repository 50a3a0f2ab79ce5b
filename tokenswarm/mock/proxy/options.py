"""How the proxying gateway is to run; apart from the server, so that who starts one needn't import it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class GatewayOptions:
    """Overhead and delays are ms, written as orders are (`15`, `lognormal:15:0.2`); other times, seconds."""

    upstreams: tuple[str, ...]  # URL[=NAME][@MODEL], the first is the primary
    host: str = "127.0.0.1"
    port: int = 0
    seed: int = 1
    upstream_timeout: float = 30.0
    breaker_failures: int = 5
    breaker_cooldown: float = 10.0
    l1_ttl: float | None = None
    l1_size: int = 1000
    l2: bool = False
    l2_ttl: float = 3600.0
    l2_size: int = 1000
    l2_similarity: float = 0.85
    redis: str | None = None
    hit_ratio: str | None = None
    l2_hit_ratio: str | None = None
    l1_delay: str = "0"
    l2_delay: str = "0"
    overhead: str = "0"
    overhead_before: str = "50%"
    rate_limit: str | None = None
    api_key_env: str | None = None
    upstream_key_env: str | None = None
    price_input: float = 0.0  # USD for a million tokens
    price_output: float = 0.0
    style: str = "llm-edge-agent"
    buffer: int = 1
    first_chunk_delay: float = 0.0
    truth_log: Path | None = None
    request_log: Path | None = None
    admin_port: int | None = None
    admin_token_env: str | None = None
    stop_with_stdin: bool = False

    plural: ClassVar = {"upstreams": "upstream"}
