"""What a response of OpenAI's Responses API says, read the same from a stream's end and from a whole body.

    {id, object: "response", model, status, output: [item], usage, error, incomplete_details}

    item      {type: "message", content: [{type: "output_text", text} or {type: "refusal", refusal}]}
              {type: "reasoning", summary: [{text}], content: [{text}]}
              {type: "function_call", name, arguments}  {type: "custom_tool_call", name, input} …
    status    completed | incomplete | failed | cancelled; queued and in_progress are no end

Every function here raises one of WRONG_SHAPE for JSON that is no response.
"""

from __future__ import annotations

from typing import Final

from tokenswarm.wire.error_body import error_of
from tokenswarm.wire.events import (
    Done,
    Event,
    Finished,
    Malformed,
    ReasoningDelta,
    Started,
    StreamFault,
    TextDelta,
    ToolDelta,
    Usage,
)
from tokenswarm.wire.json_object import (
    WRONG_SHAPE,
    JsonObject,
    cost_in,
    count_in,
    detail_in,
    text_in,
)
from tokenswarm.wire.outline import outline

# A tool call's item → the key of what the model says to the tool.
TOOL_ITEMS: Final = {
    "function_call": "arguments",
    "mcp_call": "arguments",
    "custom_tool_call": "input",
}
# In the words of chat, where a reason to finish has been called so since the beginning.
_REASONS: Final = {"max_output_tokens": "length"}
_FAILED: Final = frozenset({"failed", "cancelled"})


def read_response(document: JsonObject) -> list[Event]:
    """All that a whole body says."""
    try:
        status = text_in(document, "status")
        return [*started(document), *content(document["output"]), *ending(document, status)]
    except WRONG_SHAPE:
        return [Malformed(f"not a response: {outline(document)}")]


def started(response: JsonObject) -> list[Event]:
    """Who answers; nothing while id and model are empty."""
    id_, model = text_in(response, "id"), text_in(response, "model")
    return [Started(id_, model)] if id_ or model else []


def content(output: list[JsonObject]) -> list[Event]:
    """What all items say, an event for each piece that isn't empty."""
    events: list[Event] = []
    for item in output:
        kind = item["type"]
        if kind == "message":
            events += [TextDelta(text) for part in item["content"] if (text := _said(part))]
        elif kind == "reasoning":
            parts = [*(item.get("summary") or []), *(item.get("content") or [])]
            events += [ReasoningDelta(text) for part in parts if (text := text_in(part, "text"))]
        elif kind in TOOL_ITEMS:
            pieces = (text_in(item, "name"), text_in(item, TOOL_ITEMS[kind]))
            events += [ToolDelta(text) for text in pieces if text]
    return events


def ending(response: JsonObject, status: str) -> list[Event]:
    """Counts and end of a response whose status is this one."""
    if status in _FAILED:
        return [*usage(response), _fault(response, status)]
    if status == "completed":
        return [*usage(response), Finished("stop"), Done()]
    if status == "incomplete":
        reason = text_in(response.get("incomplete_details") or {}, "reason")
        return [*usage(response), Finished(_REASONS.get(reason, reason) or status), Done()]
    return [*usage(response), Done()]


def usage(response: JsonObject) -> list[Event]:
    """The counts; nothing if there are none."""
    said = response.get("usage")
    if not said:
        return []
    counted = Usage(
        input_tokens=count_in(said, "input_tokens"),
        output_tokens=count_in(said, "output_tokens"),
        reasoning_tokens=detail_in(said, "output_tokens_details", "reasoning_tokens"),
        cached_input_tokens=detail_in(said, "input_tokens_details", "cached_tokens"),
        cost=cost_in(said),
    )
    return [] if counted == Usage() else [counted]


def _said(part: JsonObject) -> str:
    return text_in(part, "text") or text_in(part, "refusal")


def _fault(response: JsonObject, status: str) -> StreamFault:
    said = error_of(response["error"]) if response.get("error") else None
    if said is None or not said.message:
        return StreamFault(
            f"the response has {status}" if status == "failed" else "the response was cancelled"
        )
    return StreamFault(said.message, said.kind, said.code)
