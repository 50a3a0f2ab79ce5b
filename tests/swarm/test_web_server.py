"""The server of Locust's web UI."""

from __future__ import annotations

import socket

from tokenswarm.loopback import LOOPBACK
from tokenswarm.swarm.web_server import WSGIServer


def test_a_connection_holds_nothing_back() -> None:
    """What is written goes out at once, or each answer would wait 40 ms for the browser's acknowledgement."""
    listener = WSGIServer.get_listener((LOOPBACK, 0), family=socket.AF_INET)
    with listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
