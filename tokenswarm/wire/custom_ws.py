"""A gateway's own WebSocket chat, described as data: what is sent, and what its messages mean.

    send    JSON whose strings may hold {prompt}, {model} and {max_tokens}; or plain text that does
    ready   what the server says before the first call, if it says anything
    delta   a piece of the answer, and where its text stands
    done    the end of a good answer, and where its token counts stand
    error   the end of a bad one, and where its message stands

A message is held against error, delta and done in this order; one that is none of them is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from tokenswarm.wire.contract import ChatOptions, ErrorBody, Request
from tokenswarm.wire.error_body import one_line, read_error
from tokenswarm.wire.events import Done, Event, Finished, Malformed, StreamFault, TextDelta, Usage
from tokenswarm.wire.json_path import exists, value_at
from tokenswarm.wire.socket_message import read_message

Steps = Sequence[str | int]

_PATH: Final = "/ws"
_PLACE: Final = re.compile(r"\{(prompt|model|max_tokens)\}")
_WHOLE: Final = re.compile(r"\{(prompt|model|max_tokens)\}\Z")


@dataclass(frozen=True, slots=True)
class Match:
    """Whether a message is of one kind. Without a path the whole message's text is looked at.

    `text` is where the words stand that it brings; without it, they are the pattern's first group or
    the whole message.
    """

    path: Steps | None = None
    equals: str | int | float | bool | None = None
    contains: str | None = None
    pattern: re.Pattern[str] | None = None
    text: Steps | None = None

    def holds(self, message: bytes, document: Any) -> bool:
        """Whether this message is one."""
        if self.path is None:
            value: Any = message.decode("utf-8", "replace")
        elif exists(document, self.path):
            value = value_at(document, self.path)
        else:
            return False
        if self.equals is not None:
            # True is 1 to Python, and not to JSON.
            return bool(value == self.equals) and isinstance(value, bool) == isinstance(self.equals, bool)
        if self.contains is not None:
            return isinstance(value, str | list) and self.contains in value
        if self.pattern is not None:
            return isinstance(value, str) and self.pattern.search(value) is not None
        return True

    def said(self, message: bytes, document: Any) -> str:
        """The words that the message brings; empty if it brings none."""
        if self.text is not None:
            value = value_at(document, self.text)
            return value if isinstance(value, str) else ""
        whole = message.decode("utf-8", "replace")
        if self.pattern is None or not self.pattern.groups:
            return whole
        looked_at = whole if self.path is None else str(value_at(document, self.path))
        found = self.pattern.search(looked_at)
        return found[1] or "" if found is not None else ""


@dataclass(frozen=True, slots=True)
class Messages:
    """The whole description; `send` is decoded JSON, or a string for a protocol that isn't JSON."""

    send: Any
    delta: Match
    done: Match
    error: Match | None = None
    ready: Match | None = None
    input_tokens: Steps | None = None
    output_tokens: Steps | None = None

    @property
    def needs_json(self) -> bool:
        """Whether any rule looks into the messages' JSON."""
        rules = [rule for rule in (self.delta, self.done, self.error, self.ready) if rule is not None]
        inside = [self.input_tokens, self.output_tokens]
        inside += [steps for rule in rules for steps in (rule.path, rule.text)]
        return any(steps is not None for steps in inside)


class CustomSocket:
    """The dialect `websocket`."""

    name = "websocket"

    def __init__(self, messages: Messages) -> None:
        self._messages = messages

    def encode(self, prompt: str, options: ChatOptions, path: str | None = None) -> Request:
        """The call's message, from the template."""
        values = {"prompt": prompt, "model": options.model, "max_tokens": options.max_tokens}
        filled = _filled(self._messages.send, values)
        body = filled.encode() if isinstance(filled, str) else orjson.dumps(filled)
        return Request(_PATH if path is None else path, body)

    def session(self) -> CustomSession:
        """A new connection's state."""
        return CustomSession(self._messages)

    def read_error(self, body: bytes) -> ErrorBody:
        """What the body of a refused upgrade says."""
        return read_error(body)


class CustomSession:
    """One connection."""

    __slots__ = ("_messages", "_needs_json", "is_ready")

    def __init__(self, messages: Messages) -> None:
        self._messages = messages
        self._needs_json = messages.needs_json
        self.is_ready = messages.ready is None

    def begin(self) -> None:
        """Nothing in such a message says which call it answers."""

    def feed(self, message: bytes) -> list[Event]:
        """The events of one message."""
        document: Any = None
        if self._needs_json:
            document = read_message(message)
            if isinstance(document, Malformed):
                return [document]
        rules = self._messages
        if not self.is_ready and rules.ready is not None and rules.ready.holds(message, document):
            self.is_ready = True
            return []
        if rules.error is not None and rules.error.holds(message, document):
            return [StreamFault(one_line(rules.error.said(message, document)) or "the server said error")]
        events: list[Event] = []
        if rules.delta.holds(message, document):
            text = rules.delta.said(message, document)
            if text:
                events.append(TextDelta(text))
        if rules.done.holds(message, document):
            events += [*self._usage(document), Finished("done"), Done()]
        return events

    def _usage(self, document: Any) -> list[Event]:
        rules = self._messages
        counts = [
            value if type(value) is int else None
            for value in (
                None if steps is None else value_at(document, steps)
                for steps in (rules.input_tokens, rules.output_tokens)
            )
        ]
        return [] if counts == [None, None] else [Usage(input_tokens=counts[0], output_tokens=counts[1])]


def _filled(template: Any, values: dict[str, str | int | None]) -> Any:
    """The template with its placeholders replaced; what a prompt holds is never taken for one."""
    if isinstance(template, dict):
        return {key: _filled(value, values) for key, value in template.items()}
    if isinstance(template, list):
        return [_filled(value, values) for value in template]
    if not isinstance(template, str):
        return template
    whole = _WHOLE.match(template)
    if whole is not None:
        return values[whole[1]]  # a number stays a number
    return _PLACE.sub(lambda place: "" if values[place[1]] is None else str(values[place[1]]), template)
