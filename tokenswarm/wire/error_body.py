"""What an error says, whoever sent it: JSON of several shapes, an HTML page, plain text, nothing.

{"error": {"message", "type", "param", "code"}}               OpenAI; the code may be a number (OpenRouter)
{"type": "error", "error": {"type", "message"}}               Anthropic
[{"error": {"code", "message", "status"}}]                    Gemini behind its OpenAI endpoint
{"error": "text"}   {"message": "text"}   {"detail": "text"}  self-made gateways, Kong, FastAPI
{"errors": [{"code", "message"}]}                             Cloudflare
"""

from __future__ import annotations

import html
import re
from typing import Final

import orjson

from tokenswarm.wire.contract import ErrorBody
from tokenswarm.wire.events import StreamFault
from tokenswarm.wire.outline import outline

# Details become rows of reports: a page of text in each would bury the rest.
MAX_MESSAGE_CHARS: Final = 500

_HEAD_BYTES: Final = 16 * 2**10  # as much of a page as is searched for its title
_HTML: Final = re.compile(
    rb"\s*(?:<!--.*?-->\s*)?<(?:!doctype html|html|head|body|title|center|h1)\b", re.I | re.S
)
_TITLE: Final = re.compile(rb"<(title|h1)\b[^>]*>([^<]+)</\1", re.I)

_MESSAGE_KEYS: Final = ("message", "msg", "detail", "error_description")
_KIND_KEYS: Final = ("type", "status", "error_type")
_CODE_KEYS: Final = ("code",)


def read_error(body: bytes) -> ErrorBody:
    """What a non-2xx body says; never raises, whatever the bytes."""
    try:
        document: object = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ErrorBody(text_of(body))
    said = error_of(document)
    return said if said.message or said.kind or said.code else ErrorBody(text_of(body))


def error_of(value: object) -> ErrorBody:
    """What a decoded JSON error says: a document with an error in it, or the error itself."""
    # Errors are wrapped twice at most in what gateways send; the bound is against hostile bodies.
    for _ in range(4):
        if isinstance(value, list) and value:
            value = value[0]
        if not isinstance(value, dict):
            break
        wrapped = value.get("error")
        if not isinstance(wrapped, dict | list):
            if _first(value, _MESSAGE_KEYS):
                break
            wrapped = wrapped or value.get("errors") or value.get("detail")
        if not wrapped:
            break
        if not isinstance(wrapped, dict | list):
            return ErrorBody(_scalar(wrapped), _first(value, _KIND_KEYS), _first(value, _CODE_KEYS))
        value = wrapped
    if isinstance(value, dict):
        return ErrorBody(_first(value, _MESSAGE_KEYS), _first(value, _KIND_KEYS), _first(value, _CODE_KEYS))
    return ErrorBody(_scalar(value))


def fault_of(document: object) -> StreamFault:
    """The fault that a document with an error in it, or an error itself, reports."""
    said = error_of(document)
    return StreamFault(said.message or outline(document), said.kind, said.code)


def text_of(body: bytes) -> str:
    """A body that isn't JSON, for a person: an HTML page's title, else the text; one line, cut to length."""
    if is_html(body):
        title = _TITLE.search(body[:_HEAD_BYTES])
        named = f" titled “{one_line(html.unescape(_decoded(title[2])))}”" if title else " without a title"
        return f"an HTML page{named}"
    return one_line(_decoded(body[:_HEAD_BYTES]))


def is_html(body: bytes) -> bool:
    """Whether a body opens like an HTML page."""
    return _HTML.match(body[:_HEAD_BYTES]) is not None


def one_line(text: str) -> str:
    """The text without line breaks and cut to MAX_MESSAGE_CHARS."""
    text = " ".join(text.split())
    return text if len(text) <= MAX_MESSAGE_CHARS else text[: MAX_MESSAGE_CHARS - 1] + "…"


def _first(value: dict[str, object], keys: tuple[str, ...]) -> str:
    return next((text for key in keys if (text := _scalar(value.get(key)))), "")


def _scalar(value: object) -> str:
    return one_line(str(value)) if isinstance(value, str | int | float) else ""


def _decoded(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
