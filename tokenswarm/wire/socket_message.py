"""A WebSocket's text message as JSON, or what came instead."""

from __future__ import annotations

from typing import Any

import orjson

from tokenswarm.wire.error_body import text_of
from tokenswarm.wire.events import Malformed


def read_message(message: bytes) -> Any | Malformed:
    """The decoded document; calls that fail alike are told alike, so that a report can count them."""
    try:
        return orjson.loads(message)
    except orjson.JSONDecodeError as error:
        if message.lstrip()[:1] in (b"{", b"["):
            return Malformed(f"broken JSON in a message: {error.msg}")
        return Malformed(f"a message that is no JSON: “{text_of(message)}”")
