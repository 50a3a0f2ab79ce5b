"""OpenAI chat completions, as OpenAI and the gateways that imitate it speak them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import orjson

from tokenswarm.errors import ConfigurationError
from tokenswarm.wire.contract import ChatOptions, Decoder, ErrorBody, Request
from tokenswarm.wire.error_body import read_error
from tokenswarm.wire.openai_answer import read_completion
from tokenswarm.wire.openai_stream import OpenAIStreamDecoder
from tokenswarm.wire.whole_body import WholeBodyDecoder

_PATH: Final = "/v1/chat/completions"
_MAX_TEMPLATES: Final = (
    64  # a scenario has a handful of options; one that makes new ones each call must not leak
)


class OpenAIChat:
    """The dialect `openai-chat`."""

    name = "openai-chat"

    def __init__(self) -> None:
        self._templates: dict[int, _Template] = {}

    def encode(self, prompt: str, options: ChatOptions, path: str | None = None) -> Request:
        """The request for one prompt; raises ConfigurationError for an `extra` that can't be sent."""
        # By identity: options hold a mapping, which can't be hashed. The template keeps its options alive,
        # so no others can come to have their id.
        template = self._templates.get(id(options))
        if template is None:
            if len(self._templates) >= _MAX_TEMPLATES:
                self._templates.clear()
            template = self._templates[id(options)] = _template(options)
        body = template.before + orjson.dumps(prompt) + template.after
        return Request(_PATH if path is None else path, body, template.headers)

    def decoder(self, content_type: str) -> Decoder:
        """A stream's decoder for text/event-stream, a whole body's for anything else."""
        if content_type.strip().lower().startswith("text/event-stream"):
            return OpenAIStreamDecoder()
        return WholeBodyDecoder(read_completion)

    def read_error(self, body: bytes) -> ErrorBody:
        """What a non-2xx body says; never raises, whatever the bytes."""
        return read_error(body)


@dataclass(frozen=True, slots=True)
class _Template:
    """A request but for its prompt, which stands between `before` and `after`."""

    options: ChatOptions
    before: bytes
    after: bytes
    headers: tuple[tuple[str, str], ...]


def _template(options: ChatOptions) -> _Template:
    if "messages" in options.extra:
        raise ConfigurationError(
            "extra.messages: the messages are made from the prompt and can't be replaced; "
            "give a system message as `system`"
        )
    fields = {
        "model": options.model,
        "stream": options.stream,
        "stream_options": {"include_usage": True} if options.stream else None,
        "max_tokens": options.max_tokens,
        "temperature": options.temperature,
        **options.extra,
    }
    try:
        # A null means "as the server likes", and so does an absent key, which more servers understand.
        head = orjson.dumps({key: value for key, value in fields.items() if value is not None})
    except TypeError as error:
        raise ConfigurationError(f"extra: can't be written as JSON: {error}") from error
    comma = b"" if head == b"{}" else b","
    system = orjson.dumps({"role": "system", "content": options.system}) + b"," if options.system else b""
    return _Template(
        options,
        before=head[:-1] + comma + b'"messages":[' + system + b'{"role":"user","content":',
        after=b"}]}",
        headers=(
            ("content-type", "application/json"),
            ("accept", "text/event-stream" if options.stream else "application/json"),
        ),
    )
