"""Runs the provider's engine: one process, from its options to its last flushed log line."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any, Final

from tokenswarm.errors import ConfigurationError
from tokenswarm.mock.admin import AdminFront
from tokenswarm.mock.connection import Connection
from tokenswarm.mock.control import Control
from tokenswarm.mock.door import Door
from tokenswarm.mock.gateway import Gateway
from tokenswarm.mock.http_server import HttpServer, announcement, listen, make_loop, read_secret, repeat
from tokenswarm.mock.keys import KeyCheck
from tokenswarm.mock.log_file import FLUSH_EVERY_S, LogFile, open_log
from tokenswarm.mock.options import MockOptions
from tokenswarm.mock.orders import Orders, read_order, read_orders
from tokenswarm.mock.playback import Call, Ending
from tokenswarm.mock.provider import Provider
from tokenswarm.mock.side_routes import side_application
from tokenswarm.mock.socket_peer import Sockets
from tokenswarm.mock.socket_tally import SocketTally
from tokenswarm.mock.tally import Tally, make_registry
from tokenswarm.mock.timers import Timers
from tokenswarm.mock.truth import truth_of

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
    log = open_log(options.truth_log, "--truth-log")
    admin_token = read_secret("--admin-token-env", options.admin_token_env)
    listeners = listen(options.host, options.port, options.admin_port)
    engine = Engine(options.seed, defaults, api_key, admin_token, log)
    try:
        with asyncio.Runner(loop_factory=make_loop) as runner:
            runner.run(engine.serve(role, listeners, stop_with_stdin=options.stop_with_stdin))
    finally:
        for listener in listeners:
            listener.close()
        if log is not None:
            log.close()


@dataclass(frozen=True, slots=True)
class Engine:
    """All that a provider is made of; the parts that need an event loop are made when it serves."""

    seed: int
    defaults: Orders
    api_key: str | None
    admin_token: str | None
    log: LogFile | None

    async def serve(self, role: str, listeners: list[socket.socket], *, stop_with_stdin: bool) -> None:
        """Until it is told to stop."""
        tally, log = Tally(), self.log
        timers = Timers(asyncio.get_running_loop(), tally.lag.observe)
        provider = Provider(_seeded("errors", self.seed), _seeded("timing", self.seed))
        keys = KeyCheck(self.api_key)
        gateway = Gateway(provider, self.defaults, keys, tally, timers, self._book if log else None)
        control = Control(gateway, self.defaults, timers, log.note if log else _ignore)
        front = AdminFront(gateway, control, self.admin_token)
        socket_tally = SocketTally()
        registry = make_registry(tally)
        registry.register(socket_tally)
        sockets = Sockets(gateway, timers, socket_tally)

        def on_listening(door: Door) -> None:
            control.door, control.has_admin_port = door, len(listeners) > 1

        server = HttpServer(
            partial(Connection, front, sockets),
            side_application(keys, registry, front.route(), ("mock",)),
            announcement(role, listeners),
            on_listening,
        )
        repeat(timers, PROBE_EVERY_S, lambda: None)
        if log is not None:
            repeat(timers, FLUSH_EVERY_S, log.flush)
        if stop_with_stdin:
            server.stop_with_stdin()
        try:
            await server.serve(sockets=listeners)
        finally:
            timers.close()

    def _book(self, call: Call, ending: Ending) -> None:
        if self.log is not None:
            self.log.note(truth_of(call, ending))


def _ignore(_entry: dict[str, Any]) -> None:
    """For a provider without a log."""


def _seeded(purpose: str, seed: int) -> Random:
    return Random(f"{purpose} {seed}")
