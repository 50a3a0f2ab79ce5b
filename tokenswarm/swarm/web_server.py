"""Locust's web server, in place of the module that it takes its server from.

Gevent sends head and body of an answer apart. On a connection that is kept, the kernel held the body back
until the browser had acknowledged the head, which a browser puts off for 40 ms: Nagle's algorithm against
delayed acknowledgements, RFC 9293, 3.7.4 and 3.8.6.3.
"""

from __future__ import annotations

import socket
from typing import Any

from gevent import pywsgi


class WSGIServer(pywsgi.WSGIServer):  # type: ignore[misc]  # gevent has no annotations
    """gevent's, but that whatever is written goes out at once."""

    @classmethod
    def get_listener(cls, *args: Any, **options: Any) -> Any:
        """Its socket; connections have the option from the one that they came to."""
        listener = super().get_listener(*args, **options)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
