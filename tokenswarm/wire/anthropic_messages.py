"""Anthropic Messages, as Anthropic and the gateways in front of it speak them."""

from __future__ import annotations

from typing import Final

from tokenswarm.wire.anthropic_answer import read_message
from tokenswarm.wire.anthropic_stream import AnthropicEvents
from tokenswarm.wire.contract import ChatOptions, Decoder, ErrorBody, Request
from tokenswarm.wire.error_body import read_error
from tokenswarm.wire.json_stream import JsonStreamDecoder, is_event_stream
from tokenswarm.wire.template import Template, Templates, make_template
from tokenswarm.wire.whole_body import WholeBodyDecoder

VERSION: Final = "2023-06-01"
# max_tokens must be given; where nothing is said, as much as every model takes.
_MOST_TOKENS: Final = 4096


class AnthropicMessages:
    """The dialect `anthropic-messages`."""

    name = "anthropic-messages"
    scenario = "messages"
    streams = True
    key_in = "x-api-key"

    def __init__(self) -> None:
        self._templates = Templates("/v1/messages", _template)

    def encode(self, prompt: str, options: ChatOptions, path: str | None = None) -> Request:
        """The request for one prompt; raises ConfigurationError for an `extra` that can't be sent."""
        return self._templates.request(prompt, options, path)

    def decoder(self, content_type: str) -> Decoder:
        """A stream's decoder for text/event-stream, a whole body's for anything else."""
        if is_event_stream(content_type):
            return JsonStreamDecoder(AnthropicEvents(), read_message)
        return WholeBodyDecoder(read_message)

    def read_error(self, body: bytes) -> ErrorBody:
        """What a non-2xx body says; never raises, whatever the bytes."""
        return read_error(body)


def _template(options: ChatOptions) -> Template:
    fields = {
        "model": options.model,
        "max_tokens": options.max_tokens or _MOST_TOKENS,
        "stream": options.stream,
        "system": options.system or None,
        "temperature": options.temperature,
    }
    before = b'"messages":[{"role":"user","content":'
    return make_template(options, fields, before, b"}]}", (("anthropic-version", VERSION),))
