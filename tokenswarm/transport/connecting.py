"""How a connection comes about: an address that takes us, and the TLS handshake on it."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

from gevent import socket

from tokenswarm.transport.endpoint import Endpoint
from tokenswarm.transport.tls import TlsChannel


def connected_socket(endpoint: Endpoint) -> Any:
    """A connected socket, from the first address of the host that takes us; else the last one's error."""
    last_error: OSError = OSError("host name has no address")
    for family, address in _addresses(endpoint):
        candidate = socket.socket(family, socket.SOCK_STREAM)
        try:
            candidate.connect(address)
            candidate.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            candidate.close()
            last_error = error
        except BaseException:
            candidate.close()
            raise
        else:
            return candidate
    raise last_error


def shake_hands(
    channel: TlsChannel, send: Callable[[bytes], object], receive: Callable[[], bytes | memoryview]
) -> TlsChannel:
    """The channel once its handshake is done; `receive` waits for bytes and gives none at the end."""
    is_done = False
    while not is_done:
        try:
            is_done = channel.handshake()
        finally:
            hello = channel.outgoing()  # the alert that tells the server why, when it failed
            if hello:
                send(hello)
        if not is_done:
            data = receive()
            if not data:
                raise ConnectionError("connection closed inside the TLS handshake")
            channel.receive(data)
    return channel


def _addresses(endpoint: Endpoint) -> list[tuple[int, Any]]:
    try:
        version = ip_address(endpoint.host).version
    except ValueError:
        found = socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
        return [(family, address) for family, _, _, _, address in found]
    # A literal needs no resolver, which is a thread pool.
    family = socket.AF_INET if version == 4 else socket.AF_INET6
    return [(family, (endpoint.host, endpoint.port))]
