"""Tokens in an answer's bytes, in any dialect, streamed or not; and fields spliced into its JSON.

Both look at bytes and parse nothing: inside a JSON string every quote is escaped, so that none of these
patterns can be met in a text.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_TOKENS: Final = re.compile(rb'"(prompt|input|completion|output)_tokens"\s*:\s*(\d+)')
_INPUT: Final = (b"prompt", b"input")
_USAGE: Final = re.compile(rb'"usage"\s*:\s*\{')
_ERROR: Final = re.compile(rb'"error"\s*:\s*\{')
_END: Final = re.compile(
    rb'^data: ?\[DONE\]|"type"\s*:\s*"(?:message_stop|response\.(?:completed|incomplete))"', re.MULTILINE
)
_EVENT_END: Final = re.compile(rb"\r\n\r\n|\n\n|\r\r")
_COUNTS: Final = re.compile(rb'("[a-z]+_tokens"\s*:\s*)\d+')
_OPENING: Final = b"message_start"  # Anthropic's first event has usage, but not yet all of it


class Tokens(NamedTuple):
    """What `usage` says; 0 where it says nothing."""

    input: int
    output: int


def tokens_in(data: bytes) -> Tokens:
    """The last figures of each kind: those of a stream grow."""
    input_tokens = output_tokens = 0
    for kind, number in _TOKENS.findall(data):
        if kind in _INPUT:
            input_tokens = int(number)
        else:
            output_tokens = int(number)
    return Tokens(input_tokens, output_tokens)


def is_complete_stream(data: bytes) -> bool:
    """Whether a stream ended as it should: only such a one may be kept."""
    return _END.search(data) is not None and _ERROR.search(data) is None


def into_usage(data: bytes, fields: bytes) -> bytes:
    """`data` with `fields` (`"cost":1,`) at the start of its first usage; as it is if there is none."""
    found = _USAGE.search(data)
    return data if found is None else data[: found.end()] + fields + data[found.end() :]


def into_object(data: bytes, fields: bytes) -> bytes:
    """`data` with `fields` (`"a":1,`) at the start of the first JSON object in it."""
    start = data.find(b"{") + 1
    return data[:start] + fields + data[start:] if start else data


def without_tokens(data: bytes) -> bytes:
    """All token counts 0, as TensorZero's cached answers have them."""
    return _COUNTS.sub(rb"\g<1>0", data)


class Events:
    """Cuts a stream into whole events, for whoever has to change one."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The events that are whole now, with the blank lines that end them."""
        data = self._rest + data
        events = []
        start = 0
        for found in _EVENT_END.finditer(data):
            events.append(data[start : found.end()])
            start = found.end()
        self._rest = data[start:]
        return events

    def rest(self) -> bytes:
        """What is left of an event that was never ended."""
        rest, self._rest = self._rest, b""
        return rest


def closes(event: bytes) -> bool:
    """Whether this is the event that says how many tokens there were."""
    return _USAGE.search(event) is not None and _OPENING not in event
