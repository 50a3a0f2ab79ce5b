"""A gateway that adds a known time, answers a known share from memory, and notes what it really did.

An oracle for benchmarks/overhead_truth.py, and no more: HTTP/1.1 with content lengths or chunks, one request
at a time on a connection. A line of its log tells what it added to one call by its own clock, from the moment
that it had the request whole: what it can't see is how long the bytes lay before it was woken.
"""

from __future__ import annotations

import asyncio
import json
import random
import socket
import sys
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import cast

import uvloop

from tokenswarm.timerfd import Timerfd

CONTENT = b'"content":"'


@dataclass
class Call:
    """What was done for one call; seconds of the monotonic clock."""

    began_s: float
    is_stream: bool
    asked_s: float = 0.0  # when the provider was asked
    provider_first_s: float = 0.0  # when its first content came, and its last byte
    provider_end_s: float = 0.0
    first_s: float = 0.0  # when they had been handed on
    end_s: float = 0.0

    def line(self) -> str:
        """For the log, in ms."""
        held_s = self.asked_s - self.began_s
        first_s = held_s + self.first_s - self.provider_first_s
        whole_s = held_s + self.end_s - self.provider_end_s
        added = {"overhead_first_ms": first_s * 1000, "overhead_ms": whole_s * 1000}
        return json.dumps({"stream": self.is_stream, "hit": False, **added})


@dataclass
class Gateway:
    """What all connections share."""

    provider_port: int
    hold_s: float
    hit_ratio: float
    log: list[str] = field(default_factory=list)
    stored: dict[bool, bytes] = field(default_factory=dict)  # the first answer of each kind
    rng: random.Random = field(default_factory=lambda: random.Random(1))
    deck: list[bool] = field(default_factory=list)

    def is_hit(self, is_stream: bool) -> bool:
        """From a deck of fifty: the share is exact, the order is not to be foreseen."""
        if is_stream not in self.stored:
            return False  # nothing to answer with yet
        if not self.deck:
            hits = round(50 * self.hit_ratio)
            self.deck = [True] * hits + [False] * (50 - hits)
            self.rng.shuffle(self.deck)
        return self.deck.pop()


class Front(asyncio.Protocol):
    """The client's side of one connection; it has a connection to the provider of its own."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._back = Back(self)
        self._received = bytearray()
        # An event loop's own timers tick in milliseconds.
        self._alarm = Timerfd()
        self.call: Call | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = at_once(transport)
        loop = asyncio.get_running_loop()
        port = self._gateway.provider_port
        self._connecting = loop.create_task(loop.create_connection(lambda: self._back, "127.0.0.1", port))

    def connection_lost(self, _exc: Exception | None) -> None:
        asyncio.get_running_loop().remove_reader(self._alarm.fd)
        self._alarm.close()
        self._back.close()

    def data_received(self, data: bytes) -> None:
        at_s = perf_counter()
        self._received += data
        head_end = self._received.find(b"\r\n\r\n") + 4
        if head_end < 4 or len(self._received) < head_end + (length_in(self._received[:head_end]) or 0):
            return
        call = self.call = Call(at_s, b'"stream":true' in self._received)
        if self._gateway.is_hit(call.is_stream):
            self._received.clear()
            self.transport.write(self._gateway.stored[call.is_stream])
            self._gateway.log.append(json.dumps({"stream": call.is_stream, "hit": True}))
            return
        self._alarm.set(at_s + self._gateway.hold_s)
        asyncio.get_running_loop().add_reader(self._alarm.fd, self._ask)

    def _ask(self) -> None:
        if not self._back.is_open or self.call is None:
            return  # the connection is still being made; the alarm stays on until then
        asyncio.get_running_loop().remove_reader(self._alarm.fd)
        self.call.asked_s = perf_counter()
        self._back.ask(bytes(self._received))
        self._received.clear()

    def ended(self, call: Call, answer: bytes) -> None:
        """The provider's answer has been handed on whole."""
        self._gateway.stored.setdefault(call.is_stream, answer)
        self._gateway.log.append(call.line())


class Back(asyncio.Protocol):
    """The provider's side."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self._transport: asyncio.WriteTransport | None = None
        self._head: bytes | None = None
        self._length: int | None = None
        self._kept = bytearray()  # as it is, and as a cache would answer
        self._body = 0

    @property
    def is_open(self) -> bool:
        """Whether a request can be sent."""
        return self._transport is not None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = at_once(transport)

    def ask(self, request: bytes) -> None:
        """Send a request; its answer goes to the front."""
        assert self._transport is not None
        self._head, self._body = None, 0
        self._kept.clear()
        self._transport.write(request)

    def close(self) -> None:
        """The client is gone."""
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        at_s = perf_counter()
        call = self._front.call
        assert call is not None
        if self._head is None:  # the mock writes heads in one piece
            end = data.find(b"\r\n\r\n") + 2
            self._head = data[:end]
            self._length = length_in(self._head)
            self._kept += self._head + b"x-cache-status: HIT\r\n" + data[end:]
            self._body -= end + 2
            self._front.transport.write(self._head + b"x-cache-status: MISS\r\n" + data[end:])
        else:
            self._kept += data
            self._front.transport.write(data)
        passed_s = perf_counter()
        self._body += len(data)
        if not call.first_s and (CONTENT in data or not call.is_stream):
            call.provider_first_s, call.first_s = at_s, passed_s
        if self._body == self._length if self._length is not None else data.endswith(b"\r\n0\r\n\r\n"):
            call.provider_end_s, call.end_s = at_s, passed_s
            self._front.ended(call, bytes(self._kept))


def at_once(transport: asyncio.BaseTransport) -> asyncio.WriteTransport:
    """The transport, told not to wait for more to send."""
    transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return cast("asyncio.WriteTransport", transport)  # uvloop's own are no subclass


def length_in(head: bytes | bytearray) -> int | None:
    """The content length that a head names, if it does."""
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return None


async def main(provider_port: int, hold_ms: float, hit_ratio: float, log: Path) -> None:
    """Serve until standard input ends; then write the log."""
    gateway = Gateway(provider_port, hold_ms / 1000, hit_ratio)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Front(gateway), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    log.write_text("\n".join(gateway.log) + "\n", encoding="utf-8")


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4])))
