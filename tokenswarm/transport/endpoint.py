"""Where and how to connect: built once for a run from plain arguments, immutable, shared by all users."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final
from urllib.parse import quote, urlsplit

from tokenswarm import __version__
from tokenswarm.errors import ConfigurationError
from tokenswarm.transport.tls import client_context
from tokenswarm.wire.dialect import Request

_PORTS: Final = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_WITH_TLS: Final = ("https", "wss")
_KEY: Final = "{key}"
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")  # RFC 9110, 5.6.2: what a header name may be
_VALUE: Final = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*\Z")
_SECRET_NAME: Final = re.compile(r"auth|(?<!port)key|token|secret|cookie", re.IGNORECASE)
_REDACTED: Final = "[redacted]"
_SHORTEST_HALF: Final = 8  # characters: less of a secret could stand anywhere
_SHORTEST_SECRET: Final = (
    6  # a shorter header value would blot out half of a message; keys have no such limit
)
_BETWEEN_WORDS: Final = re.compile(r"[\s;,]+")
_HARMLESS: Final = frozenset({"", "Bearer", "bearer", "Digest", "digest", "ApiKey", "apikey"})
_OURS: Final = frozenset({"content-length", "transfer-encoding", "connection", "expect", "upgrade"})
_MOST_HEADS: Final = 1024  # prebuilt heads kept; headers that differ on each call must not fill the memory


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long each part of a call may take; the nearest one ends it.

    connect: DNS, TCP and TLS together. first_token: from the request to the first content event of a
    stream, or to the first byte of any other answer. idle: between two reads after that. total: from
    the start of the call, connecting included.
    """

    connect_s: float = 5.0
    first_token_s: float = 30.0
    idle_s: float = 30.0
    total_s: float = 120.0

    def __post_init__(self) -> None:
        for name in ("connect_s", "first_token_s", "idle_s", "total_s"):
            if not getattr(self, name) > 0:
                raise ConfigurationError(f"timeouts.{name}: got {getattr(self, name)}, need > 0 seconds")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One target. Make it with `Endpoint.build`; its repr holds no secret."""

    scheme: str
    host: str
    port: int
    base_path: str = field(repr=False)  # may hold a key that the user wrote into the URL
    query: str = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    key: str = field(repr=False)
    tls: ssl.SSLContext | None = field(repr=False)
    server_name: str
    timeouts: Timeouts
    accept_gzip: bool
    max_header_bytes: int
    max_body_bytes: int
    _heads: dict[tuple[str, tuple[tuple[str, str], ...]], bytes] = field(
        default_factory=dict, repr=False, compare=False
    )

    @classmethod
    def build(  # the plain arguments of a target file, one by one
        cls,
        url: str,
        *,
        key: str | None = None,
        key_sent_as: str = "bearer",
        headers: Mapping[str, str] | None = None,
        ca_file: str | None = None,
        client_cert: str | None = None,
        client_key: str | None = None,
        insecure: bool = False,
        server_name: str | None = None,
        timeouts: Timeouts | None = None,
        accept_gzip: bool = False,
        max_header_bytes: int = 64 * 1024,
        max_body_bytes: int = 64 * 1024 * 1024,
    ) -> Endpoint:
        """The endpoint that these arguments describe; raises ConfigurationError, never showing the key.

        `key_sent_as`: "bearer", "path" (where the URL or the dialect's path says `{key}`), or the name of
        the header that carries the key bare, such as "x-api-key" or "api-key".
        """
        target = _parse(url)
        if _KEY in target.base_path + target.query and not (key and key_sent_as == "path"):
            raise ConfigurationError(f"target URL holds {_KEY}: give a key, to be sent in the path")
        is_tls = target.scheme in _WITH_TLS
        return cls(
            scheme=target.scheme,
            host=target.host,
            port=target.port,
            base_path=target.base_path,
            query=target.query,
            headers=(*_key_header(key, key_sent_as), *_checked((headers or {}).items())),
            key=key or "",
            tls=client_context(ca_file, client_cert, client_key, insecure=insecure) if is_tls else None,
            server_name=server_name or target.host,
            timeouts=timeouts or Timeouts(),
            accept_gzip=accept_gzip,
            max_header_bytes=max_header_bytes,
            max_body_bytes=max_body_bytes,
        )

    @property
    def address(self) -> str:
        """`host:port` for messages and, but for the default port, for the host header."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def request_bytes(self, request: Request) -> bytes:
        """The whole request; its head is built once for each path and set of headers."""
        head = self._heads.get((request.path, request.headers))
        if head is None:
            if len(self._heads) >= _MOST_HEADS:
                self._heads.clear()
            head = self._heads[(request.path, request.headers)] = self._head(request)
        body = request.body
        return b"%b%d\r\n\r\n%b" % (head, len(body), body)

    def upgrade_bytes(self, request: Request, key: str) -> bytes:
        """The request that turns a connection into a WebSocket (RFC 6455, 4.1); `key` is its nonce."""
        own = {
            "upgrade": "websocket",
            "connection": "Upgrade",
            "sec-websocket-version": "13",
            "sec-websocket-key": key,
        }
        return ("\r\n".join(self._lines("GET", request, own)) + "\r\n\r\n").encode("latin-1")

    def target(self, path: str) -> str:
        """The request target for a dialect's path; `/v1` is not doubled, a complete URL stays as it is."""
        path, _, query = path.partition("?")
        path = "/" + path.lstrip("/")
        unversioned = path.removeprefix("/v1") or path
        if self.base_path.endswith((path, unversioned)):
            path = self.base_path
        elif self.base_path.endswith("/v1") and path.startswith("/v1/"):
            path = self.base_path + unversioned
        else:
            path = self.base_path + path
        whole = "?".join(filter(None, (path, "&".join(filter(None, (self.query, query))))))
        if _KEY in whole and not self.key:
            raise ConfigurationError(f"the path {path!r} holds {_KEY}, but the target has no key")
        # Percent signs are kept: the user may have escaped already.
        return quote(whole, safe="/?:@!$&'()*+,;=~%-._{}").replace(_KEY, quote(self.key, safe=""))

    def redact(self, text: str) -> str:
        """`text` without the key or the value of any secret header, should a server echo them."""
        secrets = {self.key, quote(self.key, safe="")}
        for name, value in self.headers:
            if _SECRET_NAME.search(name):
                words = _BETWEEN_WORDS.split(value)
                secrets.update(word for word in words if len(word) >= _SHORTEST_SECRET)
        secrets -= _HARMLESS
        for secret in sorted(secrets, key=len, reverse=True):
            text = _without_its_half(text.replace(secret, _REDACTED), secret)
        return text

    def _head(self, request: Request) -> bytes:
        own = {
            "accept": "*/*",
            "accept-encoding": "gzip" if self.accept_gzip else "identity",
            "content-type": "application/json",
        }
        return ("\r\n".join(self._lines("POST", request, own)) + "\r\ncontent-length: ").encode("latin-1")

    def _lines(self, method: str, request: Request, own: Mapping[str, str]) -> list[str]:
        is_default_port = _PORTS[self.scheme] == self.port
        merged = {
            "host": self.address.rpartition(":")[0] if is_default_port else self.address,
            "user-agent": f"tokenswarm/{__version__}",
            **own,
        }
        # The user has the last word, the dialect the one before.
        merged.update((name.lower(), value) for name, value in _checked(request.headers))
        merged.update((name.lower(), value) for name, value in self.headers)
        lines = [f"{method} {self.target(request.path)} HTTP/1.1"]
        return lines + [f"{name}: {value}" for name, value in merged.items()]


def _without_its_half(text: str, secret: str) -> str:
    """`text` without a first half of the secret: what a body that was cut may have left of it."""
    half = secret[: len(secret) // 2]
    if len(half) < _SHORTEST_HALF:
        return text
    first, *others = text.split(half)
    return first + "".join(_REDACTED + other[_alike(other, secret[len(half) :]) :] for other in others)


def _alike(one: str, other: str) -> int:
    """How many characters both begin with."""
    pairs = zip(one, other, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


@dataclass(frozen=True, slots=True)
class _Target:
    scheme: str
    host: str
    port: int
    base_path: str
    query: str


def _parse(url: str) -> _Target:
    shown = re.sub(r"//[^/@]*@", "//…@", url.partition("?")[0])
    try:
        parts = urlsplit(url.strip())
        port = parts.port
        host = _ascii(parts.hostname or "")
    except ValueError as error:
        # The parser quotes what it can't read, which may be a piece of a password.
        said = "no user or password in the URL; name a key instead" if "@" in url else error
        raise ConfigurationError(f"target URL {shown!r}: {said}") from None
    if parts.scheme not in _PORTS or not host:
        raise ConfigurationError(
            f"target URL {shown!r}: need http://HOST or https://HOST (ws:// and wss:// for a WebSocket), "
            "with :PORT if not 80 or 443"
        )
    if parts.username is not None or parts.password is not None:
        raise ConfigurationError(f"target URL {shown!r}: no user or password in the URL; name a key instead")
    if port == 0:
        raise ConfigurationError(f"target URL {shown!r}: got port 0, need 1 to 65535")
    return _Target(parts.scheme, host, port or _PORTS[parts.scheme], parts.path.rstrip("/"), parts.query)


def _ascii(host: str) -> str:
    try:
        ip_address(host)
    except ValueError:
        return host.encode("idna").decode("ascii") if host else ""
    return host


def _key_header(key: str | None, sent_as: str) -> tuple[tuple[str, str], ...]:
    if not key or sent_as == "path":
        return ()
    name, value = ("authorization", f"Bearer {key}") if sent_as == "bearer" else (sent_as, key)
    return tuple(_checked([(name, value)]))


def _checked(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    checked: list[tuple[str, str]] = []
    for name, value in headers:
        if not _TOKEN.match(name):
            raise ConfigurationError(f"header {name!r}: a name may hold letters, digits and !#$%&'*+-.^_`|~")
        if name.lower() in _OURS:
            raise ConfigurationError(f"header {name!r}: tokenswarm sets it itself; take it out")
        # Never the value itself: it may be a secret.
        if not _VALUE.match(value) or not value.isascii():
            raise ConfigurationError(
                f"header {name!r}: its value holds a line break, control or non-ASCII character"
            )
        checked.append((name, value.strip()))
    return checked
