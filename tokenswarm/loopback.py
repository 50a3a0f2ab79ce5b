"""This machine as the other end of a connection: its address, who means it, and a port that is free there."""

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
