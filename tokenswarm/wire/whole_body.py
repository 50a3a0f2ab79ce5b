"""A response that isn't a stream: bytes kept until the end, then read as one JSON document."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import orjson

from tokenswarm.wire.error_body import fault_of, is_html, text_of
from tokenswarm.wire.events import Event, Malformed
from tokenswarm.wire.json_object import JsonObject
from tokenswarm.wire.outline import outline

MAX_BODY_BYTES: Final = 32 * 2**20


class WholeBodyDecoder:
    """Decodes one JSON body. `read` turns the document into events; an `error` in it is seen to here."""

    __slots__ = ("_bytes", "_is_closed", "_max_bytes", "_pieces", "_read")

    def __init__(self, read: Callable[[JsonObject], list[Event]], max_bytes: int = MAX_BODY_BYTES) -> None:
        self._read = read
        self._max_bytes = max_bytes
        self._pieces: list[bytes] = []
        self._bytes = 0
        self._is_closed = False

    def feed(self, data: bytes) -> list[Event]:
        """Nothing but a complaint about a body that is too large: the meaning comes with `close`."""
        if self._is_closed:
            return []
        self._pieces.append(data)
        self._bytes += len(data)
        if self._bytes <= self._max_bytes:
            return []
        self._is_closed = True
        self._pieces.clear()
        return [Malformed(f"a body of more than {self._max_bytes} bytes")]

    def close(self) -> list[Event]:
        """All that the document says, or what came instead of it."""
        if self._is_closed:
            return []
        self._is_closed = True
        body = b"".join(self._pieces)
        self._pieces.clear()
        try:
            document = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            return [Malformed(_what_came(body, error))]
        if not isinstance(document, dict):
            return [Malformed(f"expected a JSON object, got {outline(document)}")]
        if document.get("error"):
            return [fault_of(document)]
        return self._read(document)


def _what_came(body: bytes, error: orjson.JSONDecodeError) -> str:
    opening = body.lstrip()
    if not opening:
        return "expected JSON, got an empty body"
    if is_html(body):
        return f"expected JSON, got {text_of(body)}"
    if opening.startswith((b"data:", b"event:", b":")):
        return "expected JSON, got server-sent events under a content type other than text/event-stream"
    if opening.startswith((b"{", b"[")):
        return f"broken JSON: {error.msg}"
    return f"expected JSON, got “{text_of(body)}”"
