"""What an Anthropic message says, read the same from a stream's events and from a whole body.

    {id, type: "message", role, model, content: [block], stop_reason, usage}

    block     {type: "text", text}  {type: "thinking", thinking, signature}
              {type: "tool_use" or a server's or MCP's, name, input}, and others that hold no output

Every function here raises one of WRONG_SHAPE for JSON that is no message.
"""

from __future__ import annotations

from typing import Final

import orjson

from tokenswarm.wire.events import (
    Done,
    Event,
    Finished,
    Malformed,
    ReasoningDelta,
    Started,
    TextDelta,
    ToolDelta,
    Usage,
)
from tokenswarm.wire.json_object import WRONG_SHAPE, JsonObject, cost_in, count_in, text_in
from tokenswarm.wire.outline import outline

TOOL_BLOCKS: Final = frozenset({"tool_use", "server_tool_use", "mcp_tool_use"})
# Anthropic counts what it read from its prompt cache, and what it wrote to it, apart from the rest.
_INPUT_COUNTS: Final = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")


def read_message(document: JsonObject) -> list[Event]:
    """All that a whole body says."""
    try:
        events = started(document)
        for block in document["content"]:
            events += read_block(block)
            if block["type"] in TOOL_BLOCKS and block.get("input"):
                events.append(ToolDelta(orjson.dumps(block["input"]).decode()))
        reason = document.get("stop_reason")
        return [
            *events,
            *usage(document.get("usage") or {}),
            *([Finished(str(reason))] if reason else []),
            Done(),
        ]
    except WRONG_SHAPE:
        return [Malformed(f"not a message: {outline(document)}")]


def started(message: JsonObject) -> list[Event]:
    """Who answers; nothing while id and model are empty."""
    id_, model = text_in(message, "id"), text_in(message, "model")
    return [Started(id_, model)] if id_ or model else []


def read_block(block: JsonObject) -> list[Event]:
    """What a block holds as it begins: as a rule nothing but a tool's name, unless it is whole."""
    kind = block["type"]
    if kind == "text" and block.get("text"):
        return [TextDelta(text_in(block, "text"))]
    if kind == "thinking" and block.get("thinking"):
        return [ReasoningDelta(text_in(block, "thinking"))]
    if kind in TOOL_BLOCKS and block.get("name"):
        return [ToolDelta(text_in(block, "name"))]
    return []


def usage(said: JsonObject) -> list[Event]:
    """The counts; nothing if there are none."""
    inputs = [count_in(said, key) for key in _INPUT_COUNTS]
    counted = Usage(
        input_tokens=None if inputs[0] is None else sum(filter(None, inputs)),
        output_tokens=count_in(said, "output_tokens"),
        cached_input_tokens=count_in(said, "cache_read_input_tokens"),
        cost=cost_in(said),
    )
    return [] if counted == Usage() else [counted]
