"""Foreign exceptions → outcome classes of metrics/call.py, in one place."""

from __future__ import annotations

import errno
import socket
import ssl
import zlib
from typing import Final

import httptools

from tokenswarm.errors import CallError

# What the network and the parsers raise. Anything else is a bug, and bugs raise.
FOREIGN: Final = (OSError, httptools.HttpParserError, httptools.HttpParserUpgrade, zlib.error)
LONGEST_DETAIL: Final = 300

# First match wins: ssl.SSLError is an OSError, too.
_OUTCOMES: Final[tuple[tuple[type[Exception], str], ...]] = (
    (ssl.SSLError, "tls"),
    (OSError, "truncated"),  # a connection that breaks once the request is out
    (httptools.HttpParserError, "malformed"),
    (httptools.HttpParserUpgrade, "malformed"),
    (zlib.error, "malformed"),
)
_WHEN_CONNECTING: Final = {"truncated": "connect"}

# These are ours, not the target's: say so, or the user looks for the fault on the wrong side.
_HINTS: Final = {
    errno.EMFILE: "; this machine's limit: raise `ulimit -n`",
    errno.EADDRNOTAVAIL: "; this machine has no free local port: widen net.ipv4.ip_local_port_range",
}


def failure_of(error: Exception, connecting_to: str = "") -> CallError:
    """The failed call that a foreign exception means; `connecting_to` names the address while connecting."""
    outcome = next(outcome for kind, outcome in _OUTCOMES if isinstance(error, kind))
    detail = _said(error)
    if connecting_to:
        outcome = _WHEN_CONNECTING.get(outcome, outcome)
        detail = f"connect to {connecting_to}: {detail}"
    return CallError(outcome, detail)


def one_line(text: str, limit: int = LONGEST_DETAIL) -> str:
    """White space folded into single blanks, and no longer than `limit` characters."""
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _said(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS: {error.reason or error}"
    if isinstance(error, socket.gaierror):
        return f"host name not resolved: {error.strerror}"
    if isinstance(error, OSError):
        return (error.strerror or str(error)) + _HINTS.get(error.errno or 0, "")
    if isinstance(error, httptools.HttpParserUpgrade):
        return "not an HTTP answer: the server switched protocols"
    kind = "gzip" if isinstance(error, zlib.error) else "HTTP"
    return f"not {kind}: {error}"
