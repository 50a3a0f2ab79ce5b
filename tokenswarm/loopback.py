"""This machine as the other end of a connection: its address, who means it, and which ports are free."""

from __future__ import annotations

import ipaddress
import socket
from typing import Final

LOOPBACK: Final = "127.0.0.1"


def is_loopback(host: str) -> bool:
    """Whether an address or a name means this machine to whoever uses it."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def free_port() -> int:
    """One that nobody listens on; whoever wants it should be quick, since others may ask, too."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def bound_socket(host: str, port: int) -> socket.socket:
    """A socket at an address or name of this machine, any if it is empty, that doesn't listen yet.

    Raises OSError, or UnicodeError for a name that no resolver may be asked for.
    """
    found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, kind, protocol, _, address = found[0]
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    return bound


def why_not_listen(host: str, port: int) -> str:
    """The system's reason why nobody could listen at an address or name of this machine now, or ""."""
    try:
        bound_socket(host, port).close()
    except OSError as error:
        return error.strerror or str(error)
    return ""
