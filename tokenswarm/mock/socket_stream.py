"""What all chats over a WebSocket have in common: an answer is messages, and any of them can be spoilt."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, Protocol

from tokenswarm.mock.orders import Orders
from tokenswarm.mock.pieces import Piece, make_pieces
from tokenswarm.mock.provider import Plan
from tokenswarm.mock.socket_frames import binary_frame, text_frame
from tokenswarm.mock.stamp import Stamp

_PAD: Final = b'{"padding":"'


class Script(Protocol):
    """The messages of one answer, as JSON."""

    def opening(self) -> list[bytes]:
        """What can be sent before there is any content."""

    def delta(self, piece: Piece, stamp: bytes) -> bytes:
        """One content chunk, a stamp at its end."""

    def ending(self, stamp: Stamp) -> list[bytes]:
        """All that follows the content."""

    def error(self) -> bytes:
        """The message that takes the place of the rest."""


def without_reasoning(orders: Orders) -> Orders:
    """The orders, without the one that has no message of its own here."""
    return replace(orders, reasoning=0) if orders.reasoning else orders


class SocketStream:
    """A gateway's Stream in frames; knows nothing of time or sockets."""

    __slots__ = ("_plan", "_script", "_spoilt", "events", "pieces")

    def __init__(self, script: Script, plan: Plan) -> None:
        self.pieces = make_pieces(plan)
        self.events = 0  # messages rendered so far
        self._script = script
        self._plan = plan
        self._spoilt = min(1, len(self.pieces) - 1)  # the chunk that garble, binary and pad are about

    def opening(self) -> bytes:
        """What can be sent before there is any content."""
        return self._frames(self._script.opening())

    def content(self, index: int, stamp: Stamp | None) -> bytes:
        """The content chunk at `index`."""
        message = self._script.delta(self.pieces[index], b"" if stamp is None else stamp.text)
        orders = self._plan.orders
        if index != self._spoilt:
            return self._frames([message])
        if orders.garble:
            message = message[: len(message) // 2]
        if orders.pad:
            message = b'%b%b",%b' % (_PAD, b"x" * orders.pad, message[1:])
        if orders.binary:
            self.events += 1
            return binary_frame(message)
        return self._frames([message])

    def ending(self, stamp: Stamp) -> bytes:
        """All that follows the content; its last message bears the stamp."""
        return self._frames(self._script.ending(stamp))

    def error(self) -> bytes:
        """The error that takes the place of the rest."""
        return self._frames([self._script.error()])

    def _frames(self, messages: list[bytes]) -> bytes:
        self.events += len(messages)
        return b"".join(map(text_frame, messages))
