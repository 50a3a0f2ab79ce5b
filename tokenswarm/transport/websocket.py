"""One user's WebSocket: opened when first used, kept open between calls, every read timed.

    closed ──call──► opening ──greeted──► in a call ──terminal event──► resting ──call──► in a call
       ▲                │                     │                            │
       └─ refused, failed, timed out, dropped by the server, or closed by us ┘

While it rests the hub reads for it: pings are answered, and a close is noticed when it happens and not
when the next call finds it. A call that fails by the server's own words (an error event) leaves the
connection open; whatever leaves doubt about what comes next on it closes it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, Protocol

from gevent import get_hub, getcurrent

from tokenswarm.errors import CallError
from tokenswarm.metrics.call import CallRecord
from tokenswarm.transport.answer import Answer
from tokenswarm.transport.call import attempt
from tokenswarm.transport.deadline import Deadline
from tokenswarm.transport.endpoint import Endpoint
from tokenswarm.transport.failures import FOREIGN, failure_of
from tokenswarm.transport.frames import (
    LOST,
    Close,
    Frame,
    FrameError,
    Frames,
    Ping,
    close_frame,
    ping_frame,
    pong_frame,
    text_frame,
)
from tokenswarm.transport.line import Line
from tokenswarm.transport.upgrade import Upgrade
from tokenswarm.wire.contract import Request
from tokenswarm.wire.events import Event, Malformed, StreamFault
from tokenswarm.wire.socket_contract import SocketDialect, SocketSession

_SWITCHED: Final = 101
_NORMAL: Final = 1000
_REPLIES: Final = range(1000, 5000)  # codes that may be sent back


class Watch(Protocol):
    """Who counts connections. Called inside the hub, too: must not wait."""

    def opened(self) -> None:
        """A connection is ready for its first call."""

    def closed(self) -> None:
        """It is no more, whoever ended it."""

    def dropped(self, close: Close, *, in_call: bool) -> None:
        """The server ended it, in a call or between two."""


class Nobody:
    """A Watch that counts nothing."""

    def opened(self) -> None:
        """Not counted."""

    def closed(self) -> None:
        """Not counted."""

    def dropped(self, close: Close, *, in_call: bool) -> None:
        """Not counted."""


class SocketConnection:
    """A WebSocket to one endpoint. One call at a time.

    `ping_s`: how often to send a ping; a server that sends nothing until the next one is given up.
    """

    __slots__ = (
        "_caller",
        "_close_code",
        "_dialect",
        "_frames",
        "_is_silent",
        "_line",
        "_ping_s",
        "_pinger",
        "_session",
        "_unclaimed",
        "_was_dropped",
        "_watch",
        "bytes_received",
        "clock",
        "deadline",
        "endpoint",
    )

    def __init__(
        self,
        endpoint: Endpoint,
        dialect: SocketDialect,
        watch: Watch | None = None,
        clock: Callable[[], float] = time.monotonic,
        *,
        ping_s: float | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.clock = clock
        self.deadline = Deadline(endpoint.timeouts, clock)
        self.bytes_received = 0  # of the call under way
        self._dialect = dialect
        self._watch = watch or Nobody()
        self._ping_s = ping_s
        self._line: Line | None = None
        self._session: SocketSession
        self._frames: Frames
        self._pinger: Any = None
        self._caller: Any = None  # the greenlet whose call is under way
        self._close_code = _NORMAL
        self._was_dropped = False  # between calls, since the last one
        self._is_silent = False  # nothing came since our last ping
        self._unclaimed = 0  # messages that came between calls

    @property
    def is_open(self) -> bool:
        """The next call will find a connection to reuse."""
        return self._line is not None

    def call(self, request: Request, record: CallRecord) -> CallRecord:
        """Make the call, fill the record and return it; see transport/call.py for what may raise."""
        return attempt(self, record, self._exchange, request, record)

    def close(self) -> None:
        """Say goodbye without waiting for an answer; the next call opens anew."""
        self.deadline.close()
        self._caller = None
        if self._line is not None:
            with suppress(OSError):
                self._line.send_at_once(close_frame(self._close_code))
            self._hang_up()

    def _exchange(self, request: Request, record: CallRecord) -> None:
        self.deadline.begin()
        self.bytes_received = 0
        self._caller = getcurrent()
        if self._resume():
            record.is_reused = True
        else:
            if self._was_dropped:
                self._was_dropped = False
                record.reconnects += 1
            if not self._open(request, record):
                self._caller = None
                return
        record.status = _SWITCHED
        record.messages, self._unclaimed = self._unclaimed, 0
        self._session.begin()
        self._send(request.body, record)
        self._answer(record)
        self._caller = None
        if record.outcome == "malformed":
            self.close()
        elif self._line is not None:
            self.deadline.end()
            self._line.watch(self._attend)

    def _send(self, message: bytes, record: CallRecord) -> None:
        assert self._line is not None
        data = text_frame(message)
        record.started_at_s = at_s = self.clock()
        self.deadline.phase("timeout_first_token", at_s + self.endpoint.timeouts.first_token_s)
        with suppress(ConnectionError):  # what the server said before it went is still to be read
            record.bytes_sent += self._line.send(data)
        record.sent_at_s = self.clock()

    def _answer(self, record: CallRecord) -> None:
        answer = Answer(record)
        idle_s = self.endpoint.timeouts.idle_s
        is_waiting = True  # for a first token, which has a timeout of its own
        while True:
            at_s, frames = self._read()
            events: list[Event] = []
            end: Close | FrameError | None = None
            for frame in frames:
                if isinstance(frame, bytes):
                    record.messages += 1
                    if record.headers_at_s is None:
                        record.headers_at_s = at_s
                    events += self._session.feed(frame)
                else:
                    end = self._control(frame)
            answer.take(events, at_s)
            if answer.is_over:
                break
            if end is not None:
                self._fail_by(end)
            if not is_waiting:
                self.deadline.move(at_s + idle_s)
            elif answer.has_content:
                is_waiting = False
                self.deadline.phase("timeout_idle", at_s + idle_s)
        record.ended_at_s = at_s
        answer.judge()
        if isinstance(end, Close):
            self._drop(end, in_call=False)

    def _read(self) -> tuple[float, list[Frame]]:
        """Wait for bytes, time them, then take them apart; the end of the connection is a frame, too."""
        line = self._line
        assert line is not None
        try:
            data = line.read()
        except ConnectionError as error:
            return self.clock(), [Close(LOST, error.strerror or str(error))]
        at_s = self.clock()
        self.bytes_received += len(data)
        self._is_silent = False
        frames = self._frames.feed(data)
        if line.is_ended and not any(isinstance(frame, Close) for frame in frames):
            frames.append(Close(LOST))
        return at_s, frames

    def _control(self, frame: Ping | Close | FrameError) -> Close | FrameError | None:
        """Answer what wants an answer; returns what ends the connection."""
        if isinstance(frame, Ping):
            assert self._line is not None
            try:
                self._line.send_at_once(pong_frame(frame.payload))
            except ConnectionError as error:
                return Close(LOST, error.strerror or str(error))
            return None
        return frame

    def _fail_by(self, end: Close | FrameError) -> None:
        if isinstance(end, FrameError):
            self._close_code = end.close_code
            raise end
        self._drop(end, in_call=True)
        raise CallError(end.outcome, str(end))

    # Opening.

    def _open(self, request: Request, record: CallRecord) -> bool:
        """False if the server refused; the record says why."""
        endpoint, began_at_s = self.endpoint, self.clock()
        self.deadline.phase("timeout_connect", began_at_s + endpoint.timeouts.connect_s)
        try:
            line = Line(endpoint, self.clock)
        except FOREIGN as error:
            raise failure_of(error, connecting_to=endpoint.address) from error
        try:
            upgrade = Upgrade(line, endpoint, self.deadline, self.clock)
            try:
                is_agreed = upgrade.perform(request, record, self._dialect.read_error)
            except FOREIGN as error:
                raise failure_of(error, connecting_to=endpoint.address) from error
            finally:
                self.bytes_received += upgrade.bytes_received
            if not is_agreed:
                line.close()
                self.deadline.end()
                return False
        except BaseException:
            line.close()
            raise
        self._line = line
        self._frames = Frames()
        self._session = self._dialect.session()
        self._close_code = _NORMAL
        self._is_silent = False
        self._watch.opened()
        self._await_greeting(self._frames.feed(upgrade.rest), record)
        if self._ping_s is not None:
            self._pinger = get_hub().loop.timer(self._ping_s, repeat=self._ping_s, ref=False)
            self._pinger.start(self._beat)
        record.connect_s, record.tls_s = self.clock() - began_at_s, line.tls_s
        return True

    def _await_greeting(self, frames: list[Frame], record: CallRecord) -> None:
        session = self._session
        while True:
            for frame in frames:
                if isinstance(frame, bytes):
                    self._unclaimed += 1
                    if not session.is_ready:
                        _check_greeting(session.feed(frame))
                else:
                    end = self._control(frame)
                    if end is not None:
                        record.status = _SWITCHED
                        self._fail_by(end)
            if session.is_ready:
                return
            _, frames = self._read()

    # Resting. All of this may run in the hub, and must not wait.

    def _resume(self) -> bool:
        """Whether the connection is still there for another call."""
        if self._line is None:
            return False
        self._line.unwatch()
        self._attend()
        return self._line is not None

    def _attend(self) -> None:
        """Take what came while no call is under way."""
        line = self._line
        if line is None:
            return
        try:
            data = line.poll()
        except OSError as error:
            self._drop(Close(LOST, error.strerror or str(error)), in_call=False)
            return
        if data is None:
            return
        self._is_silent = False
        frames = self._frames.feed(data)
        if line.is_ended:
            frames.append(Close(LOST))
        for frame in frames:
            if isinstance(frame, bytes):
                self._unclaimed += 1
                continue
            end = self._control(frame)
            if isinstance(end, FrameError):
                end = Close(LOST, end.detail)
            if end is not None:
                self._drop(end, in_call=False)
                return

    def _beat(self) -> None:
        line = self._line
        if line is None:
            return
        if self._is_silent:
            said = f"no answer to a ping within {self._ping_s:g} s"
            if self._caller is None:
                self._drop(Close(LOST, said), in_call=False)
            else:
                self._caller.throw(CallError("timeout_idle", said))
            return
        self._is_silent = True
        with suppress(ConnectionError):  # then nothing will come, either
            line.send_at_once(ping_frame())

    def _drop(self, close: Close, *, in_call: bool) -> None:
        """The server ended the connection."""
        assert self._line is not None
        if close.code in _REPLIES and close.code != LOST:
            with suppress(OSError):
                self._line.send_at_once(close_frame(close.code))
        self.deadline.end()
        self._was_dropped = not in_call
        self._hang_up()
        self._watch.dropped(close, in_call=in_call)

    def _hang_up(self) -> None:
        if self._pinger is not None:
            self._pinger.close()
            self._pinger = None
        if self._line is not None:
            self._line.close()
            self._line = None
            self._watch.closed()


def _check_greeting(events: list[Event]) -> None:
    for event in events:
        if isinstance(event, StreamFault):
            said = ", ".join(filter(None, (event.kind, event.code)))
            raise CallError("stream_error", f"{event.message} ({said})" if said else event.message)
        if isinstance(event, Malformed):
            raise CallError("malformed", event.detail)
