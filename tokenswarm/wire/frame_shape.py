"""The bytes around the text of a stream's content frames, which as a rule are the same in all of them.

    data: {"id":"c-1","choices":[{"index":0,"delta":{"content":"  word  "},"finish_reason":null}]}\\n\\n
    └──────────────────────── before ───────────────────────────┘      └────────── after ──────────┘

A frame that differs from a parsed one in nothing but its text needn't be parsed itself, which saves three
fourths of the cost (benchmarks/parts.py). A shape is believed only once the reader has shown that it finds
another text in the same place, and only for text without a quote, an escape or a control character, which
all have a meaning in JSON.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import orjson

from tokenswarm.wire.events import Event, ReasoningDelta, TextDelta, ToolDelta
from tokenswarm.wire.json_object import WRONG_SHAPE

_PLAIN: Final = re.compile(rb'[^"\\\x00-\x1f]+').fullmatch
_HEAD: Final = re.compile(rb"(?:event: ?[^\r\n]+\n)?data: ?").fullmatch
_FRAME_END: Final = b"\n\n"
# An unlikely text, of more than one byte a character.
_PROBE: Final = "probe-é-0b1f7c"

Delta = type[TextDelta] | type[ReasoningDelta] | type[ToolDelta]
Read = Callable[[bytes, Any], list[Event]]


@dataclass(frozen=True, slots=True)
class FrameShape:
    """What stands before and after the text, and what kind of event the text is."""

    before: bytes
    after: bytes
    delta: Delta

    def read(self, data: bytes) -> list[Event] | None:
        """Events of whole frames that are all of this shape; None if anything else is among these bytes."""
        frames = data.split(self.after)  # a plain text can't hold `after`, which begins with a quote
        if frames.pop():
            return None
        before, delta = self.before, self.delta
        start = len(before)
        events: list[Event] = []
        for frame in frames:
            text = frame[start:]
            if not frame.startswith(before) or _PLAIN(text) is None:
                return None
            try:
                events.append(delta(text.decode()))
            except UnicodeDecodeError:
                return None
        return events


def shape_of(frame: bytes, name: bytes, data: bytes, events: list[Event], read: Read) -> FrameShape | None:
    """The shape of one whole frame, which carried this event's name and data and gave these events.

    `read` is the reader of the stream's documents: content that it reads twice must not change it.
    """
    if len(events) != 1 or not frame.endswith(data + _FRAME_END):
        return None
    (event,) = events
    if not isinstance(event, TextDelta | ReasoningDelta | ToolDelta):
        return None
    head = frame[: -len(data) - len(_FRAME_END)]
    literal = b'"%b"' % event.text.encode("utf-8", "replace")
    if _HEAD(head) is None or _PLAIN(literal[1:-1]) is None or data.count(literal) != 1:
        return None
    before, after = data.split(literal)
    before, after = before + b'"', b'"' + after
    try:
        # Another text in this place must be all that changes, or the text came from elsewhere.
        if read(name, orjson.loads(before + _PROBE.encode() + after)) != [type(event)(_PROBE)]:
            return None
    except (orjson.JSONDecodeError, *WRONG_SHAPE):
        return None
    return FrameShape(head + before, after + _FRAME_END, type(event))
