"""Writes to one client, at once where that is possible."""

from __future__ import annotations

import asyncio
import os


class Outlet:
    """The writing side of one connection; `is_closing` once nothing more may be written."""

    __slots__ = ("_fd", "_transport", "is_closing")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._fd: int = transport.get_extra_info("socket").fileno()
        self.is_closing = False

    def write(self, data: bytes) -> None:
        """Hand the bytes to the kernel now.

        uvloop would do so at the end of its turn, after all other chunks that are due in the same turn:
        under load the stamps of the truth log would be early by that much.
        """
        if self.is_closing:
            return
        if self._transport.get_write_buffer_size():
            self._transport.write(data)
            return
        try:
            sent = os.write(self._fd, data)
        except BlockingIOError:
            sent = 0
        except OSError:  # the client has gone; connection_lost will say so
            return
        if sent < len(data):
            self._transport.write(data[sent:])

    def close(self) -> None:
        """No more; what the kernel hasn't taken yet is still sent."""
        self.is_closing = True
        self._transport.close()
