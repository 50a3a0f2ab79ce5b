"""Where things are, as YAML files name it: URLs, paths on a target and variables of the environment.

What is wrong with one is raised as an error of its field. No message shows what may be a secret.
"""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from tokenswarm.profile.values import problem

KEY_PLACEHOLDER: Final = "{key}"
# Portkey's headers all have a key in their name; its real keys have another at its end.
SECRET_NAME: Final = re.compile(r"auth|(?<!port)key|token|secret|cookie|password|\bsig", re.IGNORECASE)
_SOCKET_SCHEMES: Final = ("ws", "wss")
_ENV_NAME: Final = re.compile(r"[A-Z_][A-Z0-9_]*")


def checked_url(value: str) -> str:
    """A URL of HTTP or of a WebSocket; it holds no secret."""
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
        raise problem("no user or password in a URL; put the key into the environment, see key_env")
    if parts.fragment:
        raise problem("no #fragment in a URL: it would never be sent")
    return _no_secret_in_query(value.strip(), parts.query)


def checked_admin_url(value: str) -> str:
    """A URL of HTTP, to which actions are posted."""
    url = checked_url(value)
    if url.startswith(("ws://", "wss://")):
        raise problem(f"got {url}, need http://HOST or https://HOST: actions are posted")
    return url


def checked_path(value: str) -> str:
    """A path on the target; its query holds no secret."""
    if not value.startswith("/"):
        raise problem(f"got {value}, need a path that begins with /")
    return _no_secret_in_query(value, value.partition("?")[2])


def _no_secret_in_query(value: str, query: str) -> str:
    for name, given in parse_qsl(query):
        if SECRET_NAME.search(name) and given != KEY_PLACEHOLDER:
            raise problem(
                f"the query's {name} looks like a secret; write {name}={KEY_PLACEHOLDER} and key_in: path"
            )
    return value


def url_or_path(value: str) -> str:
    """A checked URL, or a checked path on the target; neither holds a secret."""
    return checked_path(value) if value.startswith("/") else checked_url(value)


def env_name(value: Any) -> str:
    """The checked name of an environment variable."""
    # The value is not shown: the likeliest mistake is to paste the key here.
    if not isinstance(value, str) or not _ENV_NAME.fullmatch(value):
        raise problem("need the NAME of an environment variable, in capitals, such as OPENAI_API_KEY")
    return value
