"""What every dialect offers: the values it takes and gives, and the two protocols."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from tokenswarm.wire.events import Event


@dataclass(frozen=True, slots=True)
class ChatOptions:
    """What all calls of one kind share; a dialect prebuilds everything that follows from it."""

    model: str
    stream: bool
    max_tokens: int | None = None
    system: str | None = None
    temperature: float | None = None
    extra: Mapping[str, object] = field(
        default_factory=dict
    )  # merged into the body, last word; null drops a key


# Not frozen: one is made for each call, and a frozen one takes three times as long to make.
@dataclass(slots=True)
class Request:
    """One request, ready but for the parts that belong to the connection (host, key, length)."""

    path: str
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """What an error answer says, on one line; every field may be empty."""

    message: str
    kind: str = ""
    code: str = ""


class Decoder(Protocol):
    """Turns the body of one response into events; does no I/O and keeps no clock."""

    def feed(self, data: bytes) -> list[Event]:
        """Events completed by these body bytes; any split of the bytes gives the same events."""

    def close(self) -> list[Event]:
        """Events that the end of the body completes: a last unterminated line, a whole JSON body."""


class Dialect(Protocol):
    """How one API is spoken. Stateless; one instance serves all users."""

    name: str
    scenario: str  # the locustfile that speaks this dialect and no other
    streams: bool  # whether an answer can come as a stream of text
    key_in: str  # how a key is sent where a target doesn't say, in a target's own words

    def encode(self, prompt: str, options: ChatOptions, path: str | None = None) -> Request:
        """The request for one prompt; `path` replaces the dialect's own."""

    def decoder(self, content_type: str) -> Decoder:
        """A decoder for one successful response: its content type says whether it is a stream."""

    def read_error(self, body: bytes) -> ErrorBody:
        """What a non-2xx body says; never raises, whatever the bytes."""
