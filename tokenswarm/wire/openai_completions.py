"""OpenAI's older completions, a prompt continued: still what vLLM, llama.cpp and many gateways serve."""

from __future__ import annotations

from typing import Any, Final

from tokenswarm.errors import ConfigurationError
from tokenswarm.wire.contract import ChatOptions, Decoder, ErrorBody, Request
from tokenswarm.wire.error_body import read_error
from tokenswarm.wire.events import Done, Event, Malformed, TextDelta
from tokenswarm.wire.json_object import WRONG_SHAPE, JsonObject, text_in
from tokenswarm.wire.json_stream import JsonStreamDecoder, is_event_stream
from tokenswarm.wire.openai_answer import choice_fault, finished, started, usage
from tokenswarm.wire.openai_stream import OpenAIChunks
from tokenswarm.wire.outline import outline
from tokenswarm.wire.template import Template, Templates, make_template
from tokenswarm.wire.whole_body import WholeBodyDecoder

# A chat chunk has choices, too; theirs hold one of these.
_OF_CHAT: Final = frozenset({"delta", "message"})


class OpenAICompletions:
    """The dialect `openai-completions`."""

    name = "openai-completions"
    scenario = "completions"
    streams = True
    key_in = "bearer"

    def __init__(self) -> None:
        self._templates = Templates("/v1/completions", _template)

    def encode(self, prompt: str, options: ChatOptions, path: str | None = None) -> Request:
        """The request for one prompt; raises ConfigurationError for options that can't be sent."""
        return self._templates.request(prompt, options, path)

    def decoder(self, content_type: str) -> Decoder:
        """A stream's decoder for text/event-stream, a whole body's for anything else."""
        if is_event_stream(content_type):
            return JsonStreamDecoder(OpenAIChunks("a completion", _read_choices, "text"), _read_whole)
        return WholeBodyDecoder(_read_whole)

    def read_error(self, body: bytes) -> ErrorBody:
        """What a non-2xx body says; never raises, whatever the bytes."""
        return read_error(body)


def _read_whole(document: JsonObject) -> list[Event]:
    reasons: dict[int, str] = {}
    try:
        events = started(document)
        _read_choices(document["choices"], "text", reasons, events)
        return [*events, *usage(document), *finished(reasons), Done()]
    except WRONG_SHAPE:
        return [Malformed(f"not a completion: {outline(document)}")]


def _read_choices(choices: list[Any], key: str, reasons: dict[int, str], events: list[Event]) -> None:
    """Appends the text of all choices, as one event; `reasons` gets why each choice stopped."""
    text = ""
    failed: JsonObject | None = None
    for choice in choices:
        if not _OF_CHAT.isdisjoint(choice):
            raise KeyError(key)  # LiteLLM's last choice has no text either, and nothing else
        text += text_in(choice, key)
        index, reason = choice.get("index", 0), choice.get("finish_reason")
        if reason == "error":
            failed = choice
        elif not reasons.get(index):
            reasons[index] = str(reason or "")
    if text:
        events.append(TextDelta(text))
    if failed is not None:
        events.append(choice_fault(failed))


def _template(options: ChatOptions) -> Template:
    if options.system:
        raise ConfigurationError("completions have no system message: write what it says into the prompt")
    fields = {
        "model": options.model,
        "stream": options.stream,
        "stream_options": {"include_usage": True} if options.stream else None,
        "max_tokens": options.max_tokens,
        "temperature": options.temperature,
    }
    return make_template(options, fields, b'"prompt":')
