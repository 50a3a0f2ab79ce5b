"""What every dialect of the mock offers: reads requests, renders answers; knows nothing of time or sockets.

A new one is a file beside this one and a row in gateway.py's table of routes.
"""

from __future__ import annotations

from typing import Protocol

from tokenswarm.mock.ask import Ask
from tokenswarm.mock.connection import Request
from tokenswarm.mock.orders import Orders
from tokenswarm.mock.pieces import Piece
from tokenswarm.mock.provider import Plan
from tokenswarm.mock.refusal import Refusal
from tokenswarm.mock.stamp import Stamp


class Stream(Protocol):
    """Renders one streamed answer, event by event."""

    pieces: tuple[Piece, ...]

    @property
    def events(self) -> int:
        """How many were rendered so far, comments not counted."""

    def opening(self) -> bytes:
        """What can be sent before there is any content."""

    def content(self, index: int, stamp: Stamp | None) -> bytes:
        """The content chunk at `index`; a stamp goes at the end of its text, if it is text."""

    def ending(self, stamp: Stamp) -> bytes:
        """All that follows the content; some JSON of it bears the stamp."""

    def error(self) -> bytes:
        """The error event that takes the place of the rest."""


class MockDialect(Protocol):
    """How one API is spoken, from the provider's side. Stateless; one instance serves all calls."""

    id_prefix: bytes  # of an answer's id
    is_text: bool  # whether an answer has output tokens

    def fit(self, orders: Orders) -> Orders:
        """The orders, without those that mean nothing in this dialect."""

    def read(self, request: Request) -> Ask | Refusal:
        """What the request asks for, or what is wrong with it."""

    def head(
        self, status: int, number: bytes, elapsed_ms: float, content_type: bytes, more: bytes = b""
    ) -> bytes:
        """Status line and headers of an answer; `more` are whole header lines."""

    def whole(self, call_id: bytes, ask: Ask, plan: Plan, stamp: Stamp) -> bytes:
        """The body of an answer that isn't streamed."""

    def stream(self, call_id: bytes, ask: Ask, plan: Plan) -> Stream:
        """A streamed answer."""

    def error(self, refusal: Refusal) -> bytes:
        """The body of an error answer."""
