"""A stream of the Responses API's events → ours.

    response.created, response.in_progress …       id, model
    response.output_item.added                     an item begins; a tool call's says the tool's name
    response.*.delta                               any number: see _DELTAS
    response.*.done, response.*.added …            what was said, once more
    response.completed | .incomplete | .failed     the end, with all that was said and the counts
    error                                          in place of the rest

The type stands in the event's name and in its data alike. Gateways that know nothing of deltas send the
last event only: its output is the content then.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tokenswarm.wire.error_body import fault_of
from tokenswarm.wire.events import (
    Event,
    Malformed,
    ReasoningDelta,
    StreamFault,
    TextDelta,
    ToolDelta,
)
from tokenswarm.wire.json_object import JsonObject, text_in
from tokenswarm.wire.outline import outline
from tokenswarm.wire.responses_answer import TOOL_ITEMS, content, ending, started

_PREFIX: Final = "response."
_DELTAS: Final[Mapping[str, type[TextDelta] | type[ReasoningDelta] | type[ToolDelta]]] = MappingProxyType(
    {
        "response.output_text.delta": TextDelta,
        "response.refusal.delta": TextDelta,
        "response.audio.transcript.delta": TextDelta,
        "response.reasoning_text.delta": ReasoningDelta,
        "response.reasoning_summary_text.delta": ReasoningDelta,
        "response.function_call_arguments.delta": ToolDelta,
        "response.custom_tool_call_input.delta": ToolDelta,
        "response.mcp_call_arguments.delta": ToolDelta,
        "response.code_interpreter_call_code.delta": ToolDelta,
    }
)
_ENDS: Final = frozenset(
    {"response.completed", "response.incomplete", "response.failed", "response.cancelled"}
)


class ResponsesEvents:
    """Reads the events of one stream."""

    __slots__ = ("_foreign", "_has_begun", "_has_content", "_is_started", "is_ended")

    noun = "an event of a response"

    def __init__(self) -> None:
        self.is_ended = False
        self._has_begun = False  # an event of the protocol has come
        self._is_started = False
        self._has_content = False
        self._foreign = ""  # the outline of the first event that is none of the protocol's

    def read(self, name: bytes, document: JsonObject) -> list[Event]:
        """Events of one event."""
        kind: str = document.get("type") or name.decode("ascii", "replace")
        delta = _DELTAS.get(kind)
        if delta is not None:
            text = text_in(document, "delta")
            self._has_begun = True
            return self._content([delta(text)] if text else [])
        if not kind.startswith(_PREFIX):
            return self._read_stray(kind, document)
        if kind in _ENDS:
            events = self._end_with(kind, document["response"])
        elif kind == "response.output_item.added":
            events = self._content(_tool_name(document["item"]))
        else:
            events = self._start(document.get("response") or {})
        self._has_begun = True
        return events

    def end(self, *, marked: bool) -> list[Event]:
        """The stream ends without a last event; a gateway's `[DONE]` is no such."""
        del marked
        if self._has_begun or not self._foreign:
            return []
        self.is_ended = True
        return [Malformed(f"no event of a response in the stream, but {self._foreign}")]

    def _read_stray(self, kind: str, document: JsonObject) -> list[Event]:
        if kind == "error" or document.get("error"):
            fault = fault_of(document)
            # Without an error inside, the event's own type was taken for the error's.
            return [StreamFault(fault.message, "" if fault.kind == "error" else fault.kind, fault.code)]
        self._foreign = self._foreign or outline(document)
        return []

    def _start(self, response: JsonObject) -> list[Event]:
        if self._is_started:
            return []
        events = started(response)
        self._is_started = bool(events)
        return events

    def _content(self, events: list[Event]) -> list[Event]:
        if events:
            self._has_content = True
        return events

    def _end_with(self, kind: str, response: JsonObject) -> list[Event]:
        begun = self._start(response)
        said = [] if self._has_content else content(response.get("output") or [])
        status = text_in(response, "status") or kind.removeprefix(_PREFIX)
        events = [*begun, *said, *ending(response, status)]
        self.is_ended = True
        return events


def _tool_name(item: JsonObject) -> list[Event]:
    name = text_in(item, "name") if item["type"] in TOOL_ITEMS else ""
    return [ToolDelta(name)] if name else []
