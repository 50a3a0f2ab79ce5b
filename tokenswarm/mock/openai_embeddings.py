"""The dialect of OpenAI's embeddings, the provider's side: text in, a vector for each out, never streamed.

An answer takes `ttft`: there is one thing to compute, and no token comes after it.
"""

from __future__ import annotations

import struct
from base64 import b64encode
from dataclasses import replace
from functools import lru_cache
from math import sin
from typing import Any, Final

import orjson

from tokenswarm.mock.ask import Ask, Vectors, read_openai, tokens_of
from tokenswarm.mock.connection import Request
from tokenswarm.mock.dialect import Stream
from tokenswarm.mock.distribution import Fixed
from tokenswarm.mock.named_events import garbled
from tokenswarm.mock.openai_error import error_body
from tokenswarm.mock.openai_head import openai_head
from tokenswarm.mock.orders import Orders
from tokenswarm.mock.provider import Plan
from tokenswarm.mock.refusal import Refusal
from tokenswarm.mock.stamp import Stamp

_DIMENSIONS: Final = 1536
_MOST_DIMENSIONS: Final = 3072
_MOST_INPUTS: Final = 2048
_FORMATS: Final = ("float", "base64")


class OpenAIEmbeddings:
    """`POST /v1/embeddings`."""

    id_prefix = b"embd-"
    is_text = False
    head = staticmethod(openai_head)
    error = staticmethod(error_body)

    def fit(self, orders: Orders) -> Orders:
        """A vector takes the time of a first token, and there is nothing to reason about."""
        return replace(orders, tokens=Fixed(1), reasoning=0, tool=False)

    def read(self, request: Request) -> Ask | Refusal:
        """The request, or what is wrong with it."""
        data = read_openai(request.body)
        if isinstance(data, Refusal):
            return data
        inputs = _inputs(data.get("input"))
        if not 1 <= len(inputs) <= _MOST_INPUTS:
            return Refusal(400, f"'input' must be text, or a list of 1 to {_MOST_INPUTS}", param="input")
        dimensions = data.get("dimensions", _DIMENSIONS)
        if not isinstance(dimensions, int) or not 1 <= dimensions <= _MOST_DIMENSIONS:
            return Refusal(400, f"'dimensions' must be 1 to {_MOST_DIMENSIONS}", param="dimensions")
        encoding = data.get("encoding_format", "float")
        if encoding not in _FORMATS:
            return Refusal(400, "'encoding_format' must be float or base64", param="encoding_format")
        vectors = Vectors(len(inputs), dimensions, encoding == "base64")
        return Ask(data["model"], False, True, None, sum(map(_tokens, inputs)), vectors)

    def whole(self, call_id: bytes, ask: Ask, plan: Plan, stamp: Stamp) -> bytes:
        """The JSON of the answer: the same vector for each input."""
        del call_id  # these answers have no id
        asked = ask.vectors
        assert asked is not None
        vector = _vector(asked.dimensions, asked.is_base64)
        rows = b",".join(
            b'{"object":"embedding","index":%d,"embedding":%b}' % (index, vector)
            for index in range(asked.inputs)
        )
        usage = b""
        if plan.orders.usage is not False:
            usage = b',"usage":{"prompt_tokens":%d,"total_tokens":%d}' % (
                ask.prompt_tokens,
                ask.prompt_tokens,
            )
        body = b'{"object":"list","data":[%b],"model":%b%b,"mock":%b}' % (
            rows,
            orjson.dumps(ask.model),
            usage,
            stamp.json,
        )
        return garbled(body) if plan.orders.garble else body

    def stream(self, call_id: bytes, ask: Ask, plan: Plan) -> Stream:
        """Never: no request is read as one that asks for it."""
        raise NotImplementedError(call_id, ask, plan)


def _inputs(given: Any) -> list[Any]:
    """Each text, or each list of token ids; a list of ids alone is one."""
    if isinstance(given, str):
        return [given] if given else []
    if not isinstance(given, list):
        return []
    if given and all(type(item) is int for item in given):
        return [given]
    return given if all(isinstance(item, str | list) and item for item in given) else []


def _tokens(item: str | list[int]) -> int:
    return tokens_of(len(item)) if isinstance(item, str) else len(item)


@lru_cache(maxsize=16)
def _vector(dimensions: int, is_base64: bool) -> bytes:
    """Numbers like those of a real one, as JSON."""
    numbers = [sin(1 + index) / dimensions**0.5 for index in range(dimensions)]
    if is_base64:
        return b'"%b"' % b64encode(struct.pack(f"<{dimensions}f", *numbers))
    return orjson.dumps([round(number, 8) for number in numbers])
