"""TLS over memory: bytes in, bytes out, so that one socket read is one read, encrypted or not.

An SSL socket hands out one record a read, and would make a burst of records look like a paced stream.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Final

from tokenswarm.errors import ConfigurationError

_RECORD: Final = 16 * 1024  # RFC 8446, 5.1: no record carries more


def client_context(
    ca_file: str | None, client_cert: str | None, client_key: str | None, *, insecure: bool
) -> ssl.SSLContext:
    """The one context that all connections of a run share; raises ConfigurationError for a bad file."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif ca_file is None:
        context.load_default_certs()
    else:
        _load("CA file", ca_file, lambda: context.load_verify_locations(ca_file))
    if client_key is not None and client_cert is None:
        raise ConfigurationError(f"client key {client_key!r}: give its client certificate, too")
    if client_cert is not None:
        # An empty password, or else OpenSSL would ask for one on the terminal.
        _load(
            "client certificate",
            client_cert,
            lambda: context.load_cert_chain(client_cert, client_key, password=""),
        )
    return context


class TlsChannel:
    """One connection's TLS state. Does no I/O: what `outgoing()` returns must be sent by the caller."""

    __slots__ = ("_incoming", "_outgoing", "_tls", "is_closed")

    def __init__(self, context: ssl.SSLContext, server_name: str) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_name)
        self.is_closed = False  # the peer said close_notify

    def handshake(self) -> bool:
        """One step; True when done, False when more bytes of the peer are needed. Raises ssl.SSLError."""
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def outgoing(self) -> bytes:
        """Bytes to send now; none as a rule."""
        return self._outgoing.read() if self._outgoing.pending else b""

    def receive(self, data: bytes | memoryview) -> None:
        """Take bytes from the socket."""
        self._incoming.write(data)

    def encrypt(self, data: bytes) -> bytes:
        """The records that carry `data`."""
        self._tls.write(data)
        return self._outgoing.read()

    def decrypt(self) -> list[bytes]:
        """All that the bytes received so far say."""
        plain: list[bytes] = []
        try:
            while self._incoming.pending or self._tls.pending():
                plain.append(self._tls.read(_RECORD))
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.is_closed = True
        return plain


def _load(what: str, path: str, load: Callable[[], None]) -> None:
    try:
        load()
    except ssl.SSLError as error:
        reason = "a PEM file, its key included and not encrypted, was expected"
        raise ConfigurationError(f"{what} {path!r}: {reason} ({error.reason or error})") from None
    except OSError as error:
        raise ConfigurationError(f"{what} {path!r}: {error.strerror or error}") from None
