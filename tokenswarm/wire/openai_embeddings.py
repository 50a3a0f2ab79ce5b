"""OpenAI's embeddings: one text in, one vector out, never streamed.

    {object: "list", data: [{index, embedding: [numbers] or "base64"}], model, usage: {prompt_tokens}}

An answer is right if it has a vector and no vector is empty. Base64 holds 32-bit floats, and its
dimensions are counted; the numbers of a list are counted, and all must be numbers.
"""

from __future__ import annotations

import binascii
from typing import Final

from tokenswarm.errors import ConfigurationError
from tokenswarm.wire.contract import ChatOptions, Decoder, ErrorBody, Request
from tokenswarm.wire.error_body import read_error
from tokenswarm.wire.events import Done, Embeddings, Event, Malformed
from tokenswarm.wire.json_object import WRONG_SHAPE, JsonObject
from tokenswarm.wire.openai_answer import started, usage
from tokenswarm.wire.outline import outline
from tokenswarm.wire.template import Template, Templates, make_template
from tokenswarm.wire.whole_body import WholeBodyDecoder

_FLOAT_BYTES: Final = 4
_NUMBERS: Final = frozenset({int, float})


class OpenAIEmbeddings:
    """The dialect `openai-embeddings`."""

    name = "openai-embeddings"
    scenario = "embeddings"
    streams = False
    key_in = "bearer"

    def __init__(self) -> None:
        self._templates = Templates("/v1/embeddings", _template)

    def encode(self, prompt: str, options: ChatOptions, path: str | None = None) -> Request:
        """The request for one text; raises ConfigurationError for options that can't be sent."""
        return self._templates.request(prompt, options, path)

    def decoder(self, content_type: str) -> Decoder:
        """Always a whole body's."""
        del content_type
        return WholeBodyDecoder(_read_whole)

    def read_error(self, body: bytes) -> ErrorBody:
        """What a non-2xx body says; never raises, whatever the bytes."""
        return read_error(body)


def _read_whole(document: JsonObject) -> list[Event]:
    try:
        sizes = [_dimensions(item["embedding"]) for item in document["data"]]
        embeddings = Embeddings(len(sizes), min(sizes, default=0))
        return [*started(document), embeddings, *usage(document), Done()]
    except WRONG_SHAPE:
        return [Malformed(f"not a list of embeddings: {outline(document)}")]
    except ValueError as error:  # binascii's own error is one, and it has more than its own
        return [Malformed(f"an embedding that isn't base64: {error}")]


def _dimensions(vector: list[object] | str) -> int:
    if isinstance(vector, str):
        size, rest = divmod(len(binascii.a2b_base64(vector, strict_mode=True)), _FLOAT_BYTES)
        if rest:
            raise ValueError(f"{rest} bytes more than whole 32-bit floats")
        return size
    if not isinstance(vector, list) or not _NUMBERS.issuperset(map(type, vector)):
        raise TypeError(vector)
    return len(vector)


def _template(options: ChatOptions) -> Template:
    # How long an answer may be and how it is worded mean nothing here; what was asked for can't be had.
    if options.stream:
        raise ConfigurationError("embeddings are never streamed: set streaming to 0%")
    if options.system:
        raise ConfigurationError("embeddings have no system message: write what it says into the prompt")
    return make_template(options, {"model": options.model}, b'"input":')
