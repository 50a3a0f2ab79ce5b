"""What a request asks for, in whatever dialect, and how what all dialects share is read."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import orjson

from tokenswarm.mock.refusal import Refusal

CHARS_PER_TOKEN: Final = 4

JsonObject = dict[str, Any]


class Vectors(NamedTuple):
    """What a request for embeddings asks for besides."""

    inputs: int
    dimensions: int
    is_base64: bool


# A named tuple and not a frozen dataclass: one is made for each call, and it takes a fifth of the time.
class Ask(NamedTuple):
    """What a request asks for; `prompt_tokens` is an estimate at four characters a token."""

    model: str
    is_stream: bool
    wants_usage: bool
    max_tokens: int | None
    prompt_tokens: int
    vectors: Vectors | None = None


BAD_LIMIT: Final = Refusal(400, "'max_tokens' must be a whole number ≥ 1", param="max_tokens")


def read_object(body: bytes) -> JsonObject | Refusal:
    """The JSON object that a body holds."""
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError:
        return Refusal(400, "We could not parse the JSON body of your request.")
    if not isinstance(data, dict):
        return Refusal(400, "The body of your request must be a JSON object.")
    return data


def read_openai(body: bytes) -> JsonObject | Refusal:
    """The same, with the fields that all of OpenAI's requests have: model and stream."""
    try:
        data: JsonObject = orjson.loads(body)
        model, stream = data.get("model"), data.get("stream")
    except (orjson.JSONDecodeError, AttributeError):
        return read_object(body)  # which says what is wrong; this way round, a good one costs one call less
    if not isinstance(model, str) or not model:
        return Refusal(400, "you must provide a model parameter", param="model")
    if stream is not True and stream is not False and stream is not None:
        return Refusal(400, "'stream' must be true or false", param="stream")
    return data


def is_limit(value: object) -> bool:
    """Whether it can be the most tokens of an answer."""
    return isinstance(value, int) and value >= 1


def tokens_of(chars: int) -> int:
    """The estimate for so many characters: four a token, and one at least."""
    return max(1, -(-chars // CHARS_PER_TOKEN))


def content_chars(message: Any) -> int:
    """Characters of a message's text: its content, or the text parts of it."""
    content = message.get("content") if isinstance(message, dict) else None
    if isinstance(content, str):
        return len(content)
    parts = content if isinstance(content, list) else ()
    return sum(
        len(part["text"]) for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str)
    )
