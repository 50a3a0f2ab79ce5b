"""A stream of Anthropic's events → ours.

    message_start                          id, model, tokens of the prompt
    content_block_start                    one block after another: text, thinking, a tool's name …
      content_block_delta                  any number: text_delta, thinking_delta, input_json_delta,
                                           signature_delta and citations_delta, which are no output
    content_block_stop
    message_delta                          stop_reason, and counts so far: later ones replace earlier ones
    message_stop                           the end
    error                                  in place of the rest: overloaded_error, api_error …
    ping, and types yet unknown            anywhere

The type stands in the event's name and in its data alike. An event may be of any other type: Anthropic
says that new ones will come.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from tokenswarm.wire.anthropic_answer import read_block, started, usage
from tokenswarm.wire.error_body import fault_of
from tokenswarm.wire.events import Done, Event, Finished, Malformed, ReasoningDelta, TextDelta, ToolDelta
from tokenswarm.wire.json_object import JsonObject, text_in
from tokenswarm.wire.outline import outline

_Delta = type[TextDelta] | type[ReasoningDelta] | type[ToolDelta]
# A delta's type → the key of its text, and what that is.
_DELTAS: Final[Mapping[str, tuple[str, _Delta]]] = MappingProxyType(
    {
        "text_delta": ("text", TextDelta),
        "thinking_delta": ("thinking", ReasoningDelta),
        "input_json_delta": ("partial_json", ToolDelta),
    }
)


class AnthropicEvents:
    """Reads the events of one stream."""

    __slots__ = ("_foreign", "_has_begun", "_is_started", "_reason", "_usage", "is_ended")

    noun = "an event of a message"

    def __init__(self) -> None:
        self.is_ended = False
        self._has_begun = False  # an event of the protocol has come
        self._is_started = False
        self._reason = ""
        self._usage: JsonObject = {}  # all counts so far
        self._foreign = ""  # the outline of the first event that is none of the protocol's

    def read(self, name: bytes, document: JsonObject) -> list[Event]:
        """Events of one event."""
        kind = document.get("type") or name.decode("ascii", "replace")
        read = _READERS.get(kind)
        if read is not None:
            events = read(self, document)
            self._has_begun = True
            return events
        if document.get("error") or kind == "error":
            return [fault_of(document)]
        self._foreign = self._foreign or outline(document)
        return []

    def end(self, *, marked: bool) -> list[Event]:
        """What is known when the stream ends without message_stop; a gateway's `[DONE]` is no such end."""
        if not self._has_begun and self._foreign:
            self.is_ended = True
            return [Malformed(f"no event of a message in the stream, but {self._foreign}")]
        return [] if marked else self._finished()

    def _start_message(self, document: JsonObject) -> list[Event]:
        message = document["message"]
        counts = message.get("usage") or {}
        # Its output_tokens is what was there at once, one as a rule: no count of an answer that is cut.
        self._count({key: value for key, value in counts.items() if key != "output_tokens"})
        begun = [] if self._is_started else started(message)
        self._is_started = self._is_started or bool(begun)
        return [*begun, *usage(self._usage)]

    def _start_block(self, document: JsonObject) -> list[Event]:
        return read_block(document["content_block"])

    def _read_delta(self, document: JsonObject) -> list[Event]:
        delta = document["delta"]
        row = _DELTAS.get(delta["type"])
        if row is None:
            return []
        key, event = row
        text = text_in(delta, key)
        return [event(text)] if text else []

    def _read_message_delta(self, document: JsonObject) -> list[Event]:
        self._reason = text_in(document["delta"], "stop_reason") or self._reason
        counts = document.get("usage")
        if not counts:
            return []
        self._count(counts)
        return usage(self._usage)

    def _stop_message(self, _document: JsonObject) -> list[Event]:
        self.is_ended = True
        return [*self._finished(), Done()]

    def _nothing(self, _document: JsonObject) -> list[Event]:
        return []

    def _count(self, counts: JsonObject) -> None:
        self._usage |= {key: value for key, value in counts.items() if value is not None}

    def _finished(self) -> list[Event]:
        return [Finished(self._reason)] if self._reason else []


_READERS: Final[Mapping[str, Callable[[AnthropicEvents, JsonObject], list[Event]]]] = MappingProxyType(
    {
        "content_block_delta": AnthropicEvents._read_delta,
        "message_start": AnthropicEvents._start_message,
        "content_block_start": AnthropicEvents._start_block,
        "content_block_stop": AnthropicEvents._nothing,
        "message_delta": AnthropicEvents._read_message_delta,
        "message_stop": AnthropicEvents._stop_message,
        "ping": AnthropicEvents._nothing,
    }
)
