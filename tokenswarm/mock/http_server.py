"""One uvicorn process on one socket, whatever it serves: bind, say where it listens, run, stop."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Final

import uvicorn
from starlette.applications import Starlette

from tokenswarm.errors import ConfigurationError
from tokenswarm.mock.connection import Connection
from tokenswarm.mock.door import Door
from tokenswarm.mock.options import ADMIN, LISTENING
from tokenswarm.mock.timers import Timers

_BACKLOG: Final = 4096


def read_secret(flag: str, name: str | None) -> str | None:
    """What the environment variable `name` holds, which must be set and not empty."""
    if name is None:
        return None
    secret = os.environ.get(name, "")
    if not secret:
        raise ConfigurationError(
            f"{flag} {name}: this environment variable is empty or not set; export it first"
        )
    return secret


def bind(host: str, port: int, flag: str = "--port") -> socket.socket:
    """A listening socket; ConfigurationError if the address can't be had."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            advice = f"stop what listens there, or choose another port ({flag} 0 picks a free one)"
            raise ConfigurationError(f"{flag} {port}: already in use on {host}; {advice}") from None
        raise ConfigurationError(f"can't listen on {host}:{port}: {error.strerror or error}") from None


def _url_of(listener: socket.socket) -> str:
    """Where clients reach it."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def make_loop() -> asyncio.AbstractEventLoop:
    """The fastest event loop."""
    import uvloop

    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


class HttpServer(uvicorn.Server):
    """Hands each connection to a new `make_connection`. Told to stop, the process ends with exit code 0."""

    def __init__(
        self,
        make_connection: Callable[..., Connection],
        application: Starlette,
        announcement: str,
        on_listening: Callable[[Door], None] | None = None,
    ) -> None:
        self._make_connection = make_connection
        self._on_listening = on_listening
        super().__init__(
            uvicorn.Config(
                application,
                http=make_connection,  # type: ignore[arg-type]  # wants a class, calls it as a factory
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
        )
        self._announcement = announcement

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        assert sockets is not None
        self.door = Door(sockets[0], self.servers[0], self._accept, self.server_state.connections)
        if self._on_listening is not None:
            self._on_listening(self.door)
        sys.stdout.write(self._announcement)
        sys.stdout.flush()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.door.close()
        await super().shutdown(sockets)

    def _accept(self) -> asyncio.Protocol:
        return self._make_connection(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.handle_exit)
        yield

    def stop(self) -> None:
        self.should_exit = True

    def stop_with_stdin(self) -> None:
        """Stop when standard input ends."""
        try:
            asyncio.get_running_loop().add_reader(sys.stdin.fileno(), self.stop)
        except OSError:  # a file can't be watched, and neither can /dev/null
            raise ConfigurationError(
                "--stop-with-stdin: standard input has to be a pipe or a terminal"
            ) from None


def listen(host: str, port: int, admin_port: int | None) -> list[socket.socket]:
    """The listener, and that of the admin port on loopback if there is to be one."""
    listeners = [bind(host, port)]
    if admin_port is not None:
        listeners.append(bind("127.0.0.1", admin_port, "--admin-port"))
    return listeners


def announcement(role: str, listeners: list[socket.socket]) -> str:
    """The line that is printed once it listens; child.py reads it."""
    url, *admin = map(_url_of, listeners)
    return f"mock {role} {LISTENING}{url}{''.join(f'{ADMIN}{each}' for each in admin)}\n"


def repeat(timers: Timers, every_s: float, callback: Callable[[], None]) -> None:
    """Call back now, and again every `every_s` after that."""

    def again() -> None:
        callback()
        timers.at(perf_counter() + every_s, again)

    again()
