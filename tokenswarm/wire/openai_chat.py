"""OpenAI chat completions, as OpenAI and the gateways that imitate it speak them."""

from __future__ import annotations

import orjson

from tokenswarm.wire.contract import ChatOptions, Decoder, ErrorBody, Request
from tokenswarm.wire.error_body import read_error
from tokenswarm.wire.json_stream import JsonStreamDecoder, is_event_stream
from tokenswarm.wire.openai_answer import read_choices, read_completion
from tokenswarm.wire.openai_stream import OpenAIChunks
from tokenswarm.wire.template import Template, Templates, make_template
from tokenswarm.wire.whole_body import WholeBodyDecoder


class OpenAIChat:
    """The dialect `openai-chat`."""

    name = "openai-chat"
    scenario = "chat"
    streams = True
    key_in = "bearer"

    def __init__(self) -> None:
        self._templates = Templates("/v1/chat/completions", _template)

    def encode(self, prompt: str, options: ChatOptions, path: str | None = None) -> Request:
        """The request for one prompt; raises ConfigurationError for an `extra` that can't be sent."""
        return self._templates.request(prompt, options, path)

    def decoder(self, content_type: str) -> Decoder:
        """A stream's decoder for text/event-stream, a whole body's for anything else."""
        if is_event_stream(content_type):
            chunks = OpenAIChunks("a chat completion", read_choices, "delta")
            return JsonStreamDecoder(chunks, read_completion)
        return WholeBodyDecoder(read_completion)

    def read_error(self, body: bytes) -> ErrorBody:
        """What a non-2xx body says; never raises, whatever the bytes."""
        return read_error(body)


def _template(options: ChatOptions) -> Template:
    fields = {
        "model": options.model,
        "stream": options.stream,
        "stream_options": {"include_usage": True} if options.stream else None,
        "max_tokens": options.max_tokens,
        "temperature": options.temperature,
    }
    system = orjson.dumps({"role": "system", "content": options.system}) + b"," if options.system else b""
    return make_template(options, fields, b'"messages":[' + system + b'{"role":"user","content":', b"}]}")
