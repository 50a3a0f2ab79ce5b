"""Who may come in: the key that a request bears, in a header or in its path."""

from __future__ import annotations

import re
from collections.abc import Iterable
from hmac import compare_digest
from typing import Final
from urllib.parse import unquote_to_bytes

from tokenswarm.mock.refusal import Refusal

_KEY_HEADERS: Final = ((b"authorization", b"Bearer "), (b"x-api-key", b""))
_KEY_IN_PATH: Final = re.compile(rb"/ak/([^/]+)(/.+)")

HeaderLines = Iterable[tuple[bytes, bytes]]


def split_path(path: bytes) -> tuple[bytes, bytes]:
    """The path without the `/ak/KEY` that it may begin with, and the key, else empty."""
    found = _KEY_IN_PATH.fullmatch(path)
    return (path, b"") if found is None else (found[2], unquote_to_bytes(found[1]))


def keys_in(headers: HeaderLines, key_in_path: bytes) -> list[bytes]:
    """All keys that a request bears."""
    given = [key_in_path] if key_in_path else []
    return given + [
        value.removeprefix(prefix) for name, prefix in _KEY_HEADERS for key, value in headers if key == name
    ]


class KeyCheck:
    """Wants this key of everyone; without one everyone may come in."""

    def __init__(self, key: str | None) -> None:
        self._key = key.encode() if key else None

    @property
    def is_on(self) -> bool:
        return self._key is not None

    def refusal(self, headers: HeaderLines, key_in_path: bytes = b"") -> Refusal | None:
        """Why a request with these headers, or this key in its path, is kept out, if it is."""
        if self._key is None:
            return None
        given = keys_in(headers, key_in_path)
        if not given:
            return Refusal(
                401, "You didn't provide an API key: send Authorization: Bearer KEY or x-api-key: KEY."
            )
        if any(compare_digest(key, self._key) for key in given):
            return None
        return Refusal(401, "", code="invalid_api_key")
