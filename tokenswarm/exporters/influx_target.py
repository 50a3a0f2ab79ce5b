"""Where points are written, read from an option before anything is sent; sending is influx.py's."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, parse_qs, urlsplit

from tokenswarm.errors import ConfigurationError

_V2: Final = "/api/v2/write"
# What the address must name: one of each.
_NEEDED: Final = {True: (("org", "orgID"), ("bucket",)), False: (("db",),)}
_OUR_PRECISION: Final = ("ns", "n")
_HIGHEST_PORT: Final = 65_535


@dataclass(frozen=True, slots=True)
class InfluxTarget:
    """Where points are written, and with what right; the secrets are of the environment."""

    url: str
    headers: Mapping[str, str]
    user: tuple[str, str] | None

    @classmethod
    def read(cls, url: str, environ: Mapping[str, str]) -> InfluxTarget:
        """ConfigurationError if `url` is no address to write to."""
        parts, query = _parts_of(url)
        is_v2 = parts.path.endswith(_V2)
        if (
            parts.scheme not in ("http", "https")
            or not parts.hostname
            or not parts.path.endswith("/write")
            or not all(any(name in query for name in names) for names in _NEEDED[is_v2])
        ):
            raise _no_address(url)
        if parts.username or "p" in query or "u" in query:
            raise ConfigurationError(
                "--influx: no user or password in the address, where others see it: set INFLUX_TOKEN, or"
                " INFLUX_USER and INFLUX_PASSWORD"
            )
        if not set(query.get("precision", ())) <= set(_OUR_PRECISION):
            raise ConfigurationError(
                f"--influx {_without_secret(url)}: precision={query['precision'][0]}, but points have"
                " nanoseconds: leave it out"
            )
        token = environ.get("INFLUX_TOKEN")
        user, password = environ.get("INFLUX_USER"), environ.get("INFLUX_PASSWORD", "")
        headers = {"Content-Type": "text/plain; charset=utf-8"}
        if token:
            headers["Authorization"] = f"Token {token}"
        return cls(url, headers, (user, password) if user and not token else None)

    @property
    def shown(self) -> str:
        """What is written to, for messages: `bucket "load" of org "me"`, or `database "load"`."""
        parts, query = _parts_of(self.url)
        if not parts.path.endswith(_V2):
            return f'database "{query["db"][0]}"'
        org = (query.get("org") or query["orgID"])[0]
        return f'bucket "{query["bucket"][0]}" of org "{org}"'

    @property
    def right(self) -> str:
        """By what variables we are let in, for who must look them up."""
        if self.user is not None:
            return "look at INFLUX_USER and INFLUX_PASSWORD"
        if "Authorization" in self.headers:
            return "look at INFLUX_TOKEN, and at what it may write"
        return "set INFLUX_TOKEN, or for version 1 INFLUX_USER and INFLUX_PASSWORD"


def influx_of(url: str) -> InfluxTarget:
    """The target that the option names, with the environment's secrets; ConfigurationError."""
    return InfluxTarget.read(url, os.environ)


def _parts_of(url: str) -> tuple[SplitResult, dict[str, list[str]]]:
    try:
        parts = urlsplit(url)
        is_port = parts.port is None or 0 < parts.port <= _HIGHEST_PORT
    except ValueError:
        raise _no_address(url) from None
    if not is_port:
        raise _no_address(url)
    return parts, parse_qs(parts.query)


def _no_address(url: str) -> ConfigurationError:
    return ConfigurationError(
        f"--influx {_without_secret(url)}: need the address that points are written to:"
        " http://HOST:8086/write?db=NAME (version 1), or"
        " http://HOST:8086/api/v2/write?org=NAME&bucket=NAME (version 2)"
    )


def _without_secret(url: str) -> str:
    return url.rsplit("@", maxsplit=1)[-1].split("?", maxsplit=1)[0]
