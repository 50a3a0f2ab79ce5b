"""What a request asks for, as far as a gateway has to know it: model, stream, text; whatever the dialect."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any, Final, NamedTuple

import orjson

from tokenswarm.mock.ask import JsonObject, read_openai
from tokenswarm.mock.connection import Request
from tokenswarm.mock.refusal import Refusal

_TEXT_FIELDS: Final = ("system", "instructions", "messages", "prompt", "input")
_OWN_FIELD: Final = "cache"  # LiteLLM's: {"no-cache": true}; never a part of what is asked
_NEVER_ALIKE: Final = b"/v1/embeddings"  # another text's vector would be wrong
_BYPASSING: Final = (b"no-cache", b"no-store")


class Alike(NamedTuple):
    """What the semantic cache compares: texts, among requests that are equal but for their text."""

    scope: bytes
    text: str


class Asked(NamedTuple):
    """One acceptable request; `path` is without the key that it may have borne."""

    path: bytes
    model: str
    is_stream: bool
    data: JsonObject
    is_bypass: bool

    def exact_key(self) -> bytes:
        """Equal for equal requests, whatever the order of their fields."""
        rest = {key: value for key, value in self.data.items() if key != _OWN_FIELD}
        return _digest(self.path, rest)

    def alike(self) -> Alike | None:
        """None if there is nothing that can be alike: no text, or more than text."""
        if self.path == _NEVER_ALIKE:
            return None
        texts: list[str] = []
        for field in _TEXT_FIELDS:
            if field in self.data and not _collect(self.data[field], texts):
                return None
        if not texts:
            return None
        rest = {
            key: value for key, value in self.data.items() if key not in _TEXT_FIELDS and key != _OWN_FIELD
        }
        return Alike(_digest(self.path, rest), "\n".join(texts))


def read_asked(request: Request, path: bytes) -> Asked | Refusal:
    """The request, or what is wrong with it; all that only an upstream can judge is left to it."""
    if request.is_too_large:
        return Refusal(413, "")
    data = read_openai(request.body)  # Anthropic's have these fields too
    if isinstance(data, Refusal):
        return data
    return Asked(path, data["model"], data.get("stream") is True, data, _is_bypass(request, data))


def _is_bypass(request: Request, data: JsonObject) -> bool:
    own = data.get(_OWN_FIELD)
    if isinstance(own, dict) and (own.get("no-cache") or own.get("no-store")):
        return True
    return any(
        name == b"cache-control" and any(word in value for word in _BYPASSING)
        for name, value in request.headers
    )


def _digest(path: bytes, data: JsonObject) -> bytes:
    canonical = orjson.dumps(data, option=orjson.OPT_SORT_KEYS)
    return blake2b(path + b"\n" + canonical, digest_size=16).digest()


def _collect(value: Any, texts: list[str]) -> bool:
    """Gather the texts in a prompt, or in messages; False if there is anything else in it, such as images."""
    if isinstance(value, str):
        texts.append(value)
        return True
    if isinstance(value, list):
        return all(_collect(item, texts) for item in value)
    if isinstance(value, dict):
        if value.get("type", "text") not in ("text", "input_text", "message"):
            return False
        return _collect(value.get("content", value.get("text")), texts)
    return False
