"""The listening socket, shut and opened again while the process lives: connection refused, as if it had died.

Shut, the port stays bound without listening, so that nobody else gets it meanwhile.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable
from typing import Any, Final

from tokenswarm.errors import ConfigurationError

_BACKLOG: Final = 4096


class Door:
    """The server behind one listener. `connections` are all that are open, through this door or another."""

    def __init__(
        self,
        listener: socket.socket,
        server: asyncio.AbstractServer,
        make_connection: Callable[[], asyncio.Protocol],
        connections: set[Any],
    ) -> None:
        self._listener = listener
        self._server = server
        self._make_connection = make_connection
        self._connections = connections
        self._port: int = listener.getsockname()[1]
        self._opening: asyncio.Task[None] | None = None
        self.is_open = True

    def shut(self, but: object | None) -> None:
        """Refuse connections from now on, and cut those that there are, except for `but`."""
        if not self.is_open:
            return
        self.is_open = False
        address = self._listener.getsockname()
        family = self._listener.family
        self._server.close()
        self._listener.close()
        self._listener = socket.socket(family)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._listener.bind(address)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            # Someone was faster; opening again will tell.
        for connection in list(self._connections):
            if connection is not but and getattr(connection, "local_port", self._port) == self._port:
                connection.shutdown()

    def open(self) -> None:
        """Accept connections again, from now on; ConfigurationError if another process has the port."""
        if self.is_open:
            return
        try:
            self._listener.listen(_BACKLOG)
        except OSError as error:
            raise ConfigurationError(
                f"port {self._port} can't be opened again: {error.strerror}; another process has it"
            ) from None
        self.is_open = True
        # The kernel queues connections already; only taking them from its queue has to wait.
        self._opening = asyncio.get_running_loop().create_task(self._take_connections())

    async def _take_connections(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._make_connection, sock=self._listener)

    def close(self) -> None:
        """For good."""
        self._server.close()
        self._listener.close()
