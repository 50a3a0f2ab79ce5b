"""Runs the proxying gateway: one process, from its options to its last flushed log line."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any, Final

from prometheus_client import CollectorRegistry, ProcessCollector

from tokenswarm.errors import ConfigurationError
from tokenswarm.mock.admin import AdminFront
from tokenswarm.mock.connection import Connection
from tokenswarm.mock.distribution import ALLOWED, Distribution, parse_distribution
from tokenswarm.mock.http_server import HttpServer, announcement, listen, make_loop, read_secret, repeat
from tokenswarm.mock.keys import KeyCheck
from tokenswarm.mock.log_file import FLUSH_EVERY_S, LogFile, open_log
from tokenswarm.mock.orders import read_share
from tokenswarm.mock.proxy.accounts import Accounts, Prices
from tokenswarm.mock.proxy.breaker import Breaker, State
from tokenswarm.mock.proxy.caches import Caches
from tokenswarm.mock.proxy.control import GatewayControl
from tokenswarm.mock.proxy.exact_cache import ExactCache
from tokenswarm.mock.proxy.forced_hits import ForcedHits
from tokenswarm.mock.proxy.front import Proxy, Rules
from tokenswarm.mock.proxy.injected import Injected
from tokenswarm.mock.proxy.options import GatewayOptions
from tokenswarm.mock.proxy.rate_limit import read_rate_limit
from tokenswarm.mock.proxy.relay import Distortion
from tokenswarm.mock.proxy.router import Router
from tokenswarm.mock.proxy.semantic_cache import SemanticCache
from tokenswarm.mock.proxy.styles import STYLES
from tokenswarm.mock.proxy.tally import GatewayCollector, GatewayTally
from tokenswarm.mock.proxy.upstream import Upstream
from tokenswarm.mock.proxy.upstream_address import UpstreamAddress, read_addresses
from tokenswarm.mock.side_routes import side_application
from tokenswarm.mock.tally import LagHistogram, lag_family
from tokenswarm.mock.timers import Timers
from tokenswarm.mock.truth import change_entry

_PROBE_EVERY_S: Final = 0.05
Note = Callable[[dict[str, Any]], None]


class NoSockets:
    """WebSockets are not proxied: their requests are answered 404."""

    def is_asked_for(self, head: bytes) -> bool:  # noqa: ARG002 — connection.py's signature
        return False

    def take(self, transport: asyncio.Transport, connections: set[Any], data: bytes) -> None:
        raise NotImplementedError(transport, connections, data)


@dataclass(frozen=True, slots=True)
class Settings:
    """The options, read: all that can be wrong with them has been found."""

    addresses: list[UpstreamAddress]
    caches: Caches
    injected: Injected
    rules: Rules
    prices: Prices
    admin_token: str | None
    truth: LogFile | None
    requests: LogFile | None


def serve(options: GatewayOptions) -> None:
    """Run until SIGTERM or SIGINT; prints one line once it accepts connections."""
    settings = read_settings(options)
    listeners = listen(options.host, options.port, options.admin_port)
    logs = [log for log in (settings.truth, settings.requests) if log is not None]
    try:
        with asyncio.Runner(loop_factory=make_loop) as runner:
            runner.run(_serve(options, settings, logs, listeners))
    finally:
        for listener in listeners:
            listener.close()
        for log in logs:
            log.close()


def read_settings(options: GatewayOptions) -> Settings:
    """ConfigurationError for the first option that is wrong."""
    style = STYLES.get(options.style)
    if style is None:
        raise ConfigurationError(f"--style {options.style}: allowed are {', '.join(STYLES)}")
    upstream_key = read_secret("--upstream-key-env", options.upstream_key_env) or ""
    rules = Rules(
        KeyCheck(read_secret("--api-key-env", options.api_key_env)),
        upstream_key.encode(),
        read_rate_limit(options.rate_limit),
        style,
        Distortion(options.buffer, options.first_chunk_delay / 1000),
    )
    injected = Injected(
        _distribution("--overhead", options.overhead),
        _share("--overhead-before", options.overhead_before),
        _distribution("--l1-delay", options.l1_delay),
        _distribution("--l2-delay", options.l2_delay),
        Random(f"overhead {options.seed}"),
    )
    return Settings(
        read_addresses(options.upstreams),
        _read_caches(options),
        injected,
        rules,
        Prices(options.price_input, options.price_output),
        read_secret("--admin-token-env", options.admin_token_env),
        open_log(options.truth_log, "--truth-log"),
        open_log(options.request_log, "--request-log"),
    )


def _read_caches(options: GatewayOptions) -> Caches:
    forced = None
    if options.hit_ratio is not None or options.l2_hit_ratio is not None:
        l1_share = _share("--hit-ratio", options.hit_ratio or "0")
        l2_share = _share("--l2-hit-ratio", options.l2_hit_ratio or "0")
        if l1_share + l2_share > 1:
            raise ConfigurationError("--hit-ratio and --l2-hit-ratio: their sum is more than 100%")
        if options.l1_ttl is not None or options.l2 or options.redis is not None:
            raise ConfigurationError(
                "--hit-ratio and --l2-hit-ratio force hits, and take the place of --l1-ttl, --l2 and --redis"
            )
        forced = ForcedHits(l1_share, l2_share, Random(f"hits {options.seed}"))
    l1 = None if options.l1_ttl is None else ExactCache(options.l1_ttl, options.l1_size)
    return Caches(l1, _read_l2(options), forced)


def _read_l2(options: GatewayOptions) -> SemanticCache | None:
    about = (options.l2_similarity, options.l2_ttl, options.l2_size)
    if options.redis is not None:
        from tokenswarm.mock.proxy.redis_cache import RedisCache

        return RedisCache(options.redis, *about)
    if options.l2:
        from tokenswarm.mock.proxy.memory_cache import MemoryCache

        return MemoryCache(*about)
    return None


async def _serve(
    options: GatewayOptions, settings: Settings, logs: list[LogFile], listeners: list[socket.socket]
) -> None:
    tally, lag = GatewayTally(), LagHistogram()
    timers = Timers(asyncio.get_running_loop(), lag.observe)
    accounts = Accounts(tally, settings.prices, settings.truth, settings.requests)
    upstreams = [
        _upstream(index, address, options, accounts.note) for index, address in enumerate(settings.addresses)
    ]
    router = Router(upstreams, options.upstream_timeout, tally)
    caches = settings.caches
    proxy = Proxy(router, caches, settings.injected, settings.rules, accounts, timers)
    control = GatewayControl(options.overhead, settings.injected, caches, upstreams, accounts.note)
    front = AdminFront(proxy, control, settings.admin_token)
    registry = CollectorRegistry()
    registry.register(GatewayCollector(tally, upstreams, caches.l2, lambda: lag_family(lag)))
    ProcessCollector(registry=registry)
    models = tuple(address.model for address in settings.addresses if address.model) or ("mock",)
    server = HttpServer(
        partial(Connection, front, NoSockets()),
        side_application(settings.rules.keys, registry, front.route(), models),
        announcement("gateway", listeners),
    )
    repeat(timers, _PROBE_EVERY_S, lambda: None)
    for log in logs:
        repeat(timers, FLUSH_EVERY_S, log.flush)
    if options.stop_with_stdin:
        server.stop_with_stdin()
    try:
        await server.serve(sockets=listeners)
    finally:
        timers.close()
        for upstream in upstreams:
            upstream.close()
        if caches.l2 is not None:
            await caches.l2.close()


def _upstream(index: int, address: UpstreamAddress, options: GatewayOptions, note: Note) -> Upstream:
    def changed(before: State, after: State) -> None:
        states = {"from": before.name.lower(), "to": after.name.lower()}
        note(change_entry("breaker", upstream=address.name, **states))

    breaker = Breaker(options.breaker_failures, options.breaker_cooldown, changed)
    return Upstream(index, address, breaker)


def _distribution(flag: str, text: str) -> Distribution:
    try:
        return parse_distribution(text)
    except ValueError:
        raise ConfigurationError(f"{flag} {text}: need ms: {ALLOWED}") from None


def _share(flag: str, text: str) -> float:
    try:
        return read_share(text)
    except ValueError:
        raise ConfigurationError(f"{flag} {text}: need 0 … 1 or 0% … 100%") from None
