"""Runs the mock: one uvicorn process on one socket, from its options to its last flushed log line."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from random import Random
from time import perf_counter
from typing import Any, Final

import uvicorn

from tokenswarm.errors import ConfigurationError
from tokenswarm.mock.connection import Connection
from tokenswarm.mock.gateway import Gateway
from tokenswarm.mock.options import LISTENING, MockOptions
from tokenswarm.mock.orders import Orders, read_order, read_orders
from tokenswarm.mock.provider import Provider
from tokenswarm.mock.side_routes import side_application
from tokenswarm.mock.socket_peer import Sockets
from tokenswarm.mock.socket_tally import SocketTally
from tokenswarm.mock.tally import Tally, make_registry
from tokenswarm.mock.timers import Timers
from tokenswarm.mock.truth import FLUSH_EVERY_S, TruthLog

__all__ = ["MockOptions", "serve"]

_PROBE_EVERY_S: Final = 0.05  # so that the lag is known even when nothing else is due
_BACKLOG: Final = 4096


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


def read_key(name: str | None) -> str | None:
    """The key from the environment variable `name`, which must be set and not empty."""
    if name is None:
        return None
    key = os.environ.get(name, "")
    if not key:
        raise ConfigurationError(
            f"--api-key-env {name}: this environment variable is empty or not set; export it first"
        )
    return key


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; ConfigurationError if the address can't be had."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            advice = "stop what listens there, or choose another port (--port 0 picks a free one)"
            raise ConfigurationError(f"--port {port}: already in use on {host}; {advice}") from None
        raise ConfigurationError(f"can't listen on {host}:{port}: {error.strerror or error}") from None


class _Server(uvicorn.Server):
    """uvicorn's server, but told to stop is not killed: the process ends with exit code 0."""

    def __init__(self, config: uvicorn.Config, url: str) -> None:
        super().__init__(config)
        self._url = url

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        sys.stdout.write(f"{LISTENING}{self._url}\n")
        sys.stdout.flush()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.handle_exit)
        yield

    def stop(self) -> None:
        self.should_exit = True


def serve(options: MockOptions) -> None:
    """Run the mock gateway until SIGTERM or SIGINT; prints one line once it accepts connections."""
    defaults = default_orders(options)
    api_key = read_key(options.api_key_env)
    log = TruthLog(options.truth_log) if options.truth_log is not None else None
    listener = bind(options.host, options.port)
    try:
        with asyncio.Runner(loop_factory=_make_loop) as runner:
            runner.run(_serve(options, defaults, api_key, log, listener))
    finally:
        listener.close()
        if log is not None:
            log.close()


def _make_loop() -> asyncio.AbstractEventLoop:
    import uvloop

    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


async def _serve(
    options: MockOptions, defaults: Orders, api_key: str | None, log: TruthLog | None, listener: socket.socket
) -> None:
    loop = asyncio.get_running_loop()
    tally = Tally()
    timers = Timers(loop, tally.lag.observe)
    provider = Provider(_seeded("errors", options.seed), _seeded("timing", options.seed))
    gateway = Gateway(provider, defaults, api_key, tally, timers, log.append if log is not None else None)

    socket_tally = SocketTally()
    registry = make_registry(tally)
    registry.register(socket_tally)
    sockets = Sockets(gateway, timers, socket_tally)

    def make_connection(**arguments: Any) -> Connection:
        return Connection(gateway, sockets, **arguments)

    config = uvicorn.Config(
        side_application(gateway, registry),
        http=make_connection,  # type: ignore[arg-type]  # uvicorn wants a class, and calls it as a factory
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        date_header=False,
        server_header=False,
        headers=[("connection", "close")],  # of the side routes: connection.py says why
        timeout_graceful_shutdown=1,
    )
    host, port = listener.getsockname()[:2]
    server = _Server(config, f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")
    _repeat(timers, _PROBE_EVERY_S, lambda: None)
    if log is not None:
        _repeat(timers, FLUSH_EVERY_S, log.flush)
    if options.stop_with_stdin:
        _watch_stdin(loop, server.stop)
    try:
        await server.serve(sockets=[listener])
    finally:
        timers.close()


def _watch_stdin(loop: asyncio.AbstractEventLoop, stop: Callable[[], None]) -> None:
    try:
        loop.add_reader(sys.stdin.fileno(), stop)
    except OSError:  # a file can't be watched, and neither can /dev/null
        raise ConfigurationError("--stop-with-stdin: standard input has to be a pipe or a terminal") from None


def _seeded(purpose: str, seed: int) -> Random:
    return Random(f"{purpose} {seed}")


def _repeat(timers: Timers, every_s: float, callback: Callable[[], None]) -> None:
    def again() -> None:
        callback()
        timers.at(perf_counter() + every_s, again)

    again()
