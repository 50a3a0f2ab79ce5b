"""OpenAI's Responses API, as OpenAI and the gateways that imitate it speak it."""

from __future__ import annotations

from tokenswarm.wire.contract import ChatOptions, Decoder, ErrorBody, Request
from tokenswarm.wire.error_body import read_error
from tokenswarm.wire.json_stream import JsonStreamDecoder, is_event_stream
from tokenswarm.wire.responses_answer import read_response
from tokenswarm.wire.responses_stream import ResponsesEvents
from tokenswarm.wire.template import Template, Templates, make_template
from tokenswarm.wire.whole_body import WholeBodyDecoder


class OpenAIResponses:
    """The dialect `openai-responses`."""

    name = "openai-responses"
    scenario = "responses"
    streams = True
    key_in = "bearer"

    def __init__(self) -> None:
        self._templates = Templates("/v1/responses", _template)

    def encode(self, prompt: str, options: ChatOptions, path: str | None = None) -> Request:
        """The request for one prompt; raises ConfigurationError for an `extra` that can't be sent."""
        return self._templates.request(prompt, options, path)

    def decoder(self, content_type: str) -> Decoder:
        """A stream's decoder for text/event-stream, a whole body's for anything else."""
        if is_event_stream(content_type):
            return JsonStreamDecoder(ResponsesEvents(), read_response)
        return WholeBodyDecoder(read_response)

    def read_error(self, body: bytes) -> ErrorBody:
        """What a non-2xx body says; never raises, whatever the bytes."""
        return read_error(body)


def _template(options: ChatOptions) -> Template:
    fields = {
        "model": options.model,
        "stream": options.stream,
        "max_output_tokens": options.max_tokens,
        "instructions": options.system or None,
        "temperature": options.temperature,
    }
    return make_template(options, fields, b'"input":')
