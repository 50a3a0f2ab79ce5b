"""The request as it goes to an upstream: the client's, with the upstream's path, model and key."""

from __future__ import annotations

from typing import Final

import orjson

from tokenswarm.mock.connection import Request
from tokenswarm.mock.proxy.asked import Asked
from tokenswarm.mock.proxy.upstream import Upstream

# Connection's own, or for the gateway alone. Answers come uncompressed, because they are read and cached.
_NOT_PASSED: Final = frozenset(
    (
        *(b"host", b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"te"),
        *(b"content-length", b"upgrade", b"expect", b"accept-encoding", b"cache-control"),
    )
)
_KEYS: Final = frozenset((b"authorization", b"x-api-key"))


class Outgoing:
    """One call's request. A key that the gateway itself wanted is never handed on."""

    def __init__(self, request: Request, asked: Asked, upstream_key: bytes, *, passes_keys: bool) -> None:
        self._asked = asked
        self._body = request.body
        lines = [
            b"%b: %b\r\n" % (name, value)
            for name, value in request.headers
            if name not in _NOT_PASSED and (passes_keys or name not in _KEYS)
        ]
        if upstream_key:
            lines.append(b"authorization: Bearer %b\r\nx-api-key: %b\r\n" % (upstream_key, upstream_key))
        self._headers = b"".join(lines)

    def to(self, upstream: Upstream) -> bytes:
        """The whole request in bytes."""
        address = upstream.address
        body = self._body
        if address.model is not None:
            body = orjson.dumps({**self._asked.data, "model": address.model})
        return b"POST %b%b HTTP/1.1\r\nhost: %b\r\n%bcontent-length: %d\r\n\r\n%b" % (
            address.path.encode(),
            self._asked.path,
            address.netloc.encode(),
            self._headers,
            len(body),
            body,
        )
