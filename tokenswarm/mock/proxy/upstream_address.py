"""Where an upstream is: `URL[=NAME][@MODEL]`.

address := URL ["=" NAME] ["@" MODEL]
URL     := ("http://" | "https://") HOST [":" PORT] [PATH]      without "=", "@", "?" and "#"
NAME    := letters, digits, ".", "_", "-"                       what logs and metrics call it
MODEL   := what requests to it name as their model, whatever the client asked for
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from tokenswarm.errors import ConfigurationError

_ADDRESS: Final = re.compile(r"(https?://[^=@\s?#]+)(?:=([\w.-]+))?(?:@(\S+))?")
_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class UpstreamAddress:
    """One upstream; `path` stands before that of each request."""

    name: str
    host: str
    port: int
    path: str
    is_tls: bool
    model: str | None

    @property
    def netloc(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{'https' if self.is_tls else 'http'}://{self.netloc}{self.path}"


def read_addresses(texts: tuple[str, ...]) -> list[UpstreamAddress]:
    """All of them; those without a name are called primary, secondary, upstream-3 …"""
    addresses = [_read(text, index) for index, text in enumerate(texts)]
    names = [address.name for address in addresses]
    for name in names:
        if names.count(name) > 1:
            raise ConfigurationError(f"--upstream: two are called {name}; give each a name: URL=NAME")
    return addresses


def _read(text: str, index: int) -> UpstreamAddress:
    found = _ADDRESS.fullmatch(text)
    if found is None:
        raise ConfigurationError(
            f"--upstream {text}: need URL[=NAME][@MODEL], such as http://127.0.0.1:8001=primary@gpt-4"
        )
    url, name, model = found.groups()
    parts = urlsplit(url)
    try:
        host, port = parts.hostname, parts.port or _PORTS[parts.scheme]
    except ValueError:
        host, port = None, 0
    if not host:
        raise ConfigurationError(f"--upstream {text}: need http://HOST:PORT or https://HOST:PORT")
    usual = ("primary", "secondary")[index] if index < 2 else f"upstream-{index + 1}"
    return UpstreamAddress(
        name or usual, host, port, parts.path.rstrip("/"), parts.scheme == "https", model or None
    )
