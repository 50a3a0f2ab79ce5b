"""Runs the provider's engine: one process, from its options to its last flushed log line."""

from __future__ import annotations

import asyncio
import socket
from functools import partial
from random import Random
from typing import Final

from tokenswarm.errors import ConfigurationError
from tokenswarm.mock.connection import Connection
from tokenswarm.mock.gateway import Gateway
from tokenswarm.mock.http_server import HttpServer, announcement, bind, make_loop, read_secret, repeat, url_of
from tokenswarm.mock.options import MockOptions
from tokenswarm.mock.orders import Orders, read_order, read_orders
from tokenswarm.mock.provider import Provider
from tokenswarm.mock.side_routes import side_application
from tokenswarm.mock.socket_peer import Sockets
from tokenswarm.mock.socket_tally import SocketTally
from tokenswarm.mock.tally import Tally, make_registry
from tokenswarm.mock.timers import Timers
from tokenswarm.mock.truth import FLUSH_EVERY_S, TruthLog

__all__ = ["MockOptions", "serve"]

PROBE_EVERY_S: Final = 0.05  # so that the lag is known even when nothing else is due


def default_orders(options: MockOptions) -> Orders:
    """The orders of a call that orders nothing itself."""
    if options.status is not None and options.error_rate is not None:
        raise ConfigurationError(
            "--status fails every call, --error-rate a share of them: give one of the two"
        )
    orders = Orders(
        ttft=read_order("ttft", options.ttft, "--ttft"),
        itl=read_order("itl", options.itl, "--itl"),
        tokens=read_order("tokens", options.tokens, "--tokens"),
    )
    if options.status is not None:
        orders = read_orders([("status", str(options.status))], orders, "--status")
    if options.error_rate is not None:
        orders = read_orders([("status", str(options.error_status))], orders, "--error-status")
        orders = read_orders([("error_rate", options.error_rate)], orders, "--error-rate")
    further = [order.partition("=") for order in options.orders]
    return read_orders([(key, value) for key, _, value in further], orders, "--order")


def serve(options: MockOptions, role: str) -> None:
    """Run as `role` until SIGTERM or SIGINT; prints one line once it accepts connections."""
    defaults = default_orders(options)
    api_key = read_secret("--api-key-env", options.api_key_env)
    log = TruthLog(options.truth_log) if options.truth_log is not None else None
    listener = bind(options.host, options.port)
    try:
        with asyncio.Runner(loop_factory=make_loop) as runner:
            runner.run(_serve(options, role, defaults, api_key, log, listener))
    finally:
        listener.close()
        if log is not None:
            log.close()


async def _serve(
    options: MockOptions,
    role: str,
    defaults: Orders,
    api_key: str | None,
    log: TruthLog | None,
    listener: socket.socket,
) -> None:
    tally = Tally()
    timers = Timers(asyncio.get_running_loop(), tally.lag.observe)
    provider = Provider(_seeded("errors", options.seed), _seeded("timing", options.seed))
    gateway = Gateway(provider, defaults, api_key, tally, timers, log.append if log is not None else None)
    socket_tally = SocketTally()
    registry = make_registry(tally)
    registry.register(socket_tally)
    sockets = Sockets(gateway, timers, socket_tally)
    server = HttpServer(
        partial(Connection, gateway, sockets),
        side_application(gateway, registry),
        announcement(role, url_of(listener), None),
    )
    repeat(timers, PROBE_EVERY_S, lambda: None)
    if log is not None:
        repeat(timers, FLUSH_EVERY_S, log.flush)
    if options.stop_with_stdin:
        server.stop_with_stdin()
    try:
        await server.serve(sockets=[listener])
    finally:
        timers.close()


def _seeded(purpose: str, seed: int) -> Random:
    return Random(f"{purpose} {seed}")
