"""The master's end of the wire: it hands on what has the form of a message, and drops all else.

Locust's own lets a peer choose how much memory its message takes, and ends with a traceback at the first
that is not what it expects. The port has no authentication, so anybody who reaches it is a peer.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from typing import Any, Final

import gevent
import zmq.green as zmq
from locust.exception import RPCError
from locust.rpc import Message
from locust.rpc.zmqrpc import BaseSocket, Server

from tokenswarm.errors import ExitCode
from tokenswarm.voice import say

# A second's measurements of one worker take some tens of kilobytes, half a megabyte at the very most.
MOST_BYTES: Final = 4_000_000
_MOST_WAITING: Final = 100  # messages of one peer that we have not come to
_IDENTITY: Final = re.compile(r"[!-~]{1,255}")


class MasterSocket(Server):
    """What Locust makes its master's server of; `recv_from_client` gives well-formed messages only."""

    def __init__(self, host: str, port: int) -> None:
        BaseSocket.__init__(self, zmq.ROUTER, ipv4_only=":" not in host and host != "*")
        # Only sockets that are bound later obey these.
        self.socket.setsockopt(zmq.MAXMSGSIZE, MOST_BYTES)
        self.socket.setsockopt(zmq.RCVHWM, _MOST_WAITING)
        self.dropped = 0  # of any peer
        self.addresses: dict[str, str] = {}  # where a peer that was heard lately is
        self.on_send: Callable[[Message], None] | None = None
        address = f"[{host}]" if ":" in host else host
        try:
            if port == 0:
                self.port = self.socket.bind_to_random_port(f"tcp://{address}")
            else:
                self.socket.bind(f"tcp://{address}:{port}")
                self.port = port
        except zmq.ZMQError as error:
            # It was free when the command line was checked: two masters may begin at the same time.
            reason = os.strerror(error.errno or 0)
            say(f"the master can't listen at {address} port {port}: {reason}; another may have it")
            sys.exit(ExitCode.BAD_CONFIGURATION)

    def recv_from_client(self) -> tuple[str, Message]:
        """The next message and its sender's identity; RPCError if the socket itself fails."""
        while True:
            try:
                frames = self.socket.recv_multipart(copy=False)
            except zmq.ZMQError as error:
                raise RPCError("ZMQ network broken") from error
            message = _read(frames)
            if message is not None:
                self._remember(message.node_id, frames)
                return message.node_id, message
            self.dropped += 1
            gevent.sleep(0)  # a flood of rubbish must not hold the hub

    def send_to_client(self, msg: Message) -> None:
        """Send, after `on_send` has had its look at it."""
        if self.on_send is not None:
            self.on_send(msg)
        super().send_to_client(msg)

    def _remember(self, identity: str, frames: list[Any]) -> None:
        if len(self.addresses) >= 10_000:
            self.addresses.clear()
        try:
            self.addresses[identity] = str(frames[-1].get("Peer-Address"))
        except zmq.ZMQError:  # this libzmq doesn't tell
            self.addresses[identity] = ""


def _read(frames: list[Any]) -> Message | None:
    """A message of two frames, identity and content, from whom it says it is; None for anything else."""
    if len(frames) != 2:
        return None
    try:
        identity = frames[0].bytes.decode("ascii")
        message: Message = Message.unserialize(frames[1].bytes)
    except Exception:  # the decoder is not ours, and the bytes are anybody's; the caller counts them
        return None
    if not _IDENTITY.fullmatch(identity) or message.node_id != identity or not isinstance(message.type, str):
        return None
    return message
