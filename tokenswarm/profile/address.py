"""Where things are, as YAML files name it: URLs, paths on a target and variables of the environment.

What is wrong with one is raised as an error of its field. No message shows what may be a secret.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from tokenswarm.profile.values import problem

KEY_PLACEHOLDER: Final = "{key}"
# Portkey's headers all have a key in their name; its real keys have another at its end.
SECRET_NAME: Final = re.compile(r"auth|(?<!port)key|token|secret|cookie|password|\bsig", re.IGNORECASE)
_SOCKET_SCHEMES: Final = ("ws", "wss")
_ENV_NAME: Final = re.compile(r"[A-Z_][A-Z0-9_]*")


@dataclass(frozen=True, slots=True)
class _Keeping:
    """Where a secret belongs that stands in a URL: as user or password, or as {name} in its query."""

    login: str
    query: str


_CALLS: Final = _Keeping(
    "put the key into the environment: TOKENSWARM_API_KEY, or what key_env names in a target's file",
    "in a target's file write {name}={{key}} and key_in: path",
)
_ACTIONS, _PAGES = (
    _Keeping(advice, advice)
    for advice in (
        f"put it into the environment, and its NAME into {key}: it is sent as bearer token"
        for key in ("key_env", "token_env")
    )
)


def checked_url(value: str) -> str:
    """A URL of HTTP or of a WebSocket; it holds no secret."""
    return _url(value, _CALLS)


def checked_admin_url(value: str) -> str:
    """A URL of HTTP, to which actions are posted."""
    url = _url(value, _ACTIONS)
    if url.startswith(("ws://", "wss://")):
        raise problem(f"got {url}, need http://HOST or https://HOST: actions are posted")
    return url


def checked_path(value: str) -> str:
    """A path on the target; its query holds no secret."""
    return _path(value, _CALLS)


def posted_to(value: str) -> str:
    """A URL, or a path on the target, that an action is posted to; it holds no secret."""
    return _path(value, _ACTIONS) if value.startswith("/") else _url(value, _ACTIONS)


def page_at(value: str) -> str:
    """A URL of HTTP, or a path on the target, of a metrics page; it holds no secret."""
    checked = _path(value, _PAGES) if value.startswith("/") else _url(value, _PAGES)
    if not checked.startswith(("/", "http://", "https://")):
        raise problem("need http://… or https://…, or a path on the target")
    return checked


def _url(value: str, keeping: _Keeping) -> str:
    try:
        parts = urlsplit(value.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or parts.scheme not in ("http", "https", *_SOCKET_SCHEMES) or port == 0:
        raise problem(
            "need http://HOST or https://HOST (ws:// and wss:// for a WebSocket), with :PORT if not 80 or 443"
        )
    # What follows is never shown: it may be a secret.
    if parts.username is not None or parts.password is not None:
        raise problem(f"no user or password in a URL; {keeping.login}")
    if parts.fragment:
        raise problem("no #fragment in a URL: it would never be sent")
    return _no_secret_in_query(value.strip(), parts.query, keeping)


def _path(value: str, keeping: _Keeping) -> str:
    if not value.startswith("/"):
        raise problem(f"got {value}, need a path that begins with /")
    return _no_secret_in_query(value, value.partition("?")[2], keeping)


def _no_secret_in_query(value: str, query: str, keeping: _Keeping) -> str:
    for name, given in parse_qsl(query):
        is_placed = given == KEY_PLACEHOLDER and keeping is _CALLS
        if SECRET_NAME.search(name) and not is_placed:
            raise problem(f"the query's {name} looks like a secret; {keeping.query.format(name=name)}")
    return value


def env_name(value: Any) -> str:
    """The checked name of an environment variable."""
    # The value is not shown: the likeliest mistake is to paste the key here.
    if not isinstance(value, str) or not _ENV_NAME.fullmatch(value):
        raise problem("need the NAME of an environment variable, in capitals, such as OPENAI_API_KEY")
    return value
