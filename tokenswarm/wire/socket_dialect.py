"""The dialects that are spoken over a WebSocket: one row each, beside those of dialect.py."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Final

from tokenswarm.wire.custom_ws import CustomSocket, Match, Messages
from tokenswarm.wire.realtime import Realtime
from tokenswarm.wire.socket_contract import SocketDialect, SocketSession

__all__ = ["SOCKET_DIALECTS", "SocketDialect", "SocketSession"]

_TYPE: Final = ("type",)
# What the mock's `/ws` speaks: the language of a target that describes none.
MOCK_MESSAGES: Final = Messages(
    send={"prompt": "{prompt}", "model": "{model}", "max_tokens": "{max_tokens}"},
    delta=Match(_TYPE, equals="token", text=("text",)),
    done=Match(_TYPE, equals="done"),
    error=Match(_TYPE, equals="error", text=("message",)),
    input_tokens=("usage", "input_tokens"),
    output_tokens=("usage", "output_tokens"),
)

# What a target says of its messages → the dialect; only `websocket` asks.
SOCKET_DIALECTS: Final[MappingProxyType[str, Callable[[Messages | None], SocketDialect]]] = MappingProxyType(
    {
        "openai-realtime": lambda _: Realtime(),
        "openai-realtime-beta": lambda _: Realtime(is_beta=True),
        "websocket": lambda messages: CustomSocket(messages or MOCK_MESSAGES),
    }
)
