"""What a decoder reports: the meaning of a response, whatever the dialect.

A decoder returns events in the order of their bytes. A complete, successful response yields
content (TextDelta, ReasoningDelta, ToolDelta), one Finished with a reason, and one Done, in that
order; Started and Usage may stand anywhere before Done. Content events are never empty: role-only,
ping, comment and usage-only chunks yield no content event, because they are not a first token.
An embedding isn't content: Embeddings and Done are all of such an answer, which has no reason to stop.
Whole stands for all events of the most common whole body.
"""

from __future__ import annotations

from dataclasses import dataclass

# Not frozen: some are made for each read of each stream, and a frozen one takes four times as long to make
# (benchmarks/parts.py). Nobody writes to them.


@dataclass(slots=True)
class Started:
    """The first thing the body says of itself; a repeated `id` betrays a cached answer."""

    id: str
    model: str


@dataclass(slots=True)
class TextDelta:
    """Visible output text of one chunk."""

    text: str


@dataclass(slots=True)
class ReasoningDelta:
    """Reasoning ("thinking") text: a first token, but not a first output."""

    text: str


@dataclass(slots=True)
class ToolDelta:
    """A piece of a tool call: the function's name or a part of its arguments."""

    text: str


@dataclass(slots=True)
class Embeddings:
    """The vectors of an answer that is no text: how many, and the fewest numbers that one of them has."""

    count: int
    dimensions: int


@dataclass(slots=True)
class Usage:
    """Tokens as the server counts them; a later one replaces an earlier one, field by field.

    Input tokens are all that the prompt had, those read from a prompt cache or written to it included.
    None means that the server did not say. `cost` is in the gateway's currency, USD as a rule.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    cached_input_tokens: int | None = None
    cost: float | None = None


@dataclass(slots=True)
class Finished:
    """The model said why it stopped: `stop`, `length`, `tool_calls`, `end_turn` …"""

    reason: str


@dataclass(slots=True)
class Done:
    """The protocol's own end: `[DONE]`, `message_stop`, `response.completed`, or a whole JSON body."""


@dataclass(slots=True)
class StreamFault:
    """An error that the server reported inside a response that had begun well."""

    message: str
    kind: str = ""
    code: str = ""


@dataclass(slots=True)
class Malformed:
    """Bytes that aren't what the dialect promises: broken JSON, an HTML page, a wrong shape."""

    detail: str


@dataclass(slots=True)
class Whole:
    """A whole body in which one choice says some text and why it stopped, and no more: its events in one.

    To make five of them and to fold them one by one takes three times as long (benchmarks/parts.py).
    """

    id: str
    model: str
    text: str
    reason: str
    usage: Usage | None

    def events(self) -> list[Event]:
        """The same, one by one."""
        named: list[Event] = [Started(self.id, self.model)] if self.id or self.model else []
        counted: list[Event] = [self.usage] if self.usage is not None else []
        return [*named, TextDelta(self.text), *counted, Finished(self.reason), Done()]


Content = TextDelta | ReasoningDelta | ToolDelta
Event = Started | Content | Embeddings | Usage | Finished | Done | StreamFault | Malformed | Whole
