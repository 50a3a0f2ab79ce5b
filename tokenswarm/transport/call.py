"""One call over one connection → its CallRecord. A failed call is data; only bugs and kills raise.

Which outcome wins when several apply, from the strongest:

    interrupted            we were killed before the answer was over
    timeout_*, connect …   no whole head came
    http_4xx …             the status is not 2xx, whatever becomes of its body
    StreamFault, Malformed, Done: see answer.py; what happens to the body after them is not looked at
    timeout_*, truncated … the body broke off before any of these
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol, TypeVarTuple

from tokenswarm.errors import CallError
from tokenswarm.metrics.call import INTERRUPTED, CallRecord
from tokenswarm.transport.answer import Answer
from tokenswarm.transport.deadline import Deadline
from tokenswarm.transport.endpoint import Endpoint
from tokenswarm.transport.failures import FOREIGN, failure_of, one_line
from tokenswarm.transport.http import HttpConnection
from tokenswarm.transport.response import Response
from tokenswarm.transport.unread import MOST_UNREAD_BYTES, UnreadAnswer, read_answer
from tokenswarm.wire.contract import Decoder
from tokenswarm.wire.dialect import Dialect, ErrorBody, Request
from tokenswarm.wire.json_stream import is_event_stream

Ts = TypeVarTuple("Ts")

_RATE_LIMITED: Final = (429, 529)
_LONGEST_ERROR_BODY: Final = 64 * 1024


class Connection(Protocol):
    """What a call is made over, whatever is spoken on it."""

    endpoint: Endpoint
    clock: Callable[[], float]
    bytes_received: int  # of the call under way

    def close(self) -> None:
        """Close whatever is open; the next call opens anew."""


class Answering(Connection, Protocol):
    """A connection in the middle of an HTTP answer."""

    response: Response
    deadline: Deadline

    def read(self) -> float:
        """Wait for bytes, time them, then parse them. Raises CallError, or FOREIGN."""

    def release(self) -> None:
        """The call is over."""


def call(connection: HttpConnection, dialect: Dialect, request: Request, record: CallRecord) -> CallRecord:
    """Make the call, fill the record (which holds its labels and intended time) and return it.

    A greenlet that is killed in the middle leaves the record as `interrupted` and the connection
    closed, and the exception goes on.
    """
    read_answer(ask(connection, dialect, request, record))
    return record


def ask(connection: HttpConnection, dialect: Dialect, request: Request, record: CallRecord) -> CallRecord:
    """The same, but that a whole answer may be left unread: `read_answer` does the rest."""
    return attempt(connection, record, _exchange, connection, dialect, request, record)


def attempt(
    connection: Connection, record: CallRecord, exchange: Callable[[*Ts], None], *args: *Ts
) -> CallRecord:
    """Run the exchange of one call, and turn whatever stops it into the record's outcome."""
    try:
        exchange(*args)
    except CallError as failure:
        _fail(connection, record, failure)
    except FOREIGN as error:
        _fail(connection, record, failure_of(error))
    except BaseException as stop:
        connection.close()
        if record.ended_at_s is None:
            record.outcome = INTERRUPTED
            record.detail = f"stopped by {type(stop).__name__}"
            record.ended_at_s = connection.clock()
        raise
    finally:
        record.bytes_received = connection.bytes_received
    if record.detail:
        record.detail = one_line(connection.endpoint.redact(record.detail))
    return record


def _exchange(connection: HttpConnection, dialect: Dialect, request: Request, record: CallRecord) -> None:
    at_s = connection.request(request, record)
    response = connection.response
    deadline = connection.deadline
    idle_s = connection.endpoint.timeouts.idle_s
    if not record.stream and not response.is_complete:
        deadline.phase("timeout_idle", at_s + idle_s)
    while not response.has_head:
        at_s = connection.read()
        if not record.stream:
            deadline.move(at_s + idle_s)
    record.status = response.status
    record.is_compression_asked = connection.endpoint.accept_gzip
    record.head = response.head
    if not 200 <= response.status < 300:
        refused(connection, dialect.read_error, record, at_s)
        return

    content_type = response.start_body()
    if record.stream or is_event_stream(content_type):
        _read_stream(connection, dialect.decoder(content_type), record, at_s)
    else:
        while not response.is_complete:
            deadline.move(at_s + idle_s)
            at_s = connection.read()
        body = response.take_body()
        response.check_end()
        record.ended_at_s = at_s
        record.unread = UnreadAnswer(dialect, connection.endpoint, content_type, body)
        if len(body) > MOST_UNREAD_BYTES:
            read_answer(record)
    if response.encoded is not None:
        record.encoded_bytes, record.decoded_bytes = response.encoded, response.decoded
    connection.release()


def _read_stream(connection: HttpConnection, decoder: Decoder, record: CallRecord, at_s: float) -> None:
    response, deadline = connection.response, connection.deadline
    idle_s = connection.endpoint.timeouts.idle_s
    answer = Answer(record)
    is_waiting = record.stream  # for a first token, which has a timeout of its own
    while True:
        body = response.take_body()
        if body:
            if record.body is not None:
                record.body += body
            events = decoder.feed(body)
            if events:
                answer.take(events, at_s)
        if response.is_complete and not answer.is_over:
            response.check_end()
            answer.take(decoder.close(), at_s)
            break
        if answer.is_over:
            break
        if not is_waiting:
            deadline.move(at_s + idle_s)
        elif answer.has_content:
            is_waiting = False
            deadline.phase("timeout_idle", at_s + idle_s)
        at_s = connection.read()
    record.ended_at_s = at_s
    answer.judge()


def refused(
    connection: Answering, read_error: Callable[[bytes], ErrorBody], record: CallRecord, at_s: float
) -> None:
    """A status that is not 2xx: the body is read, within bounds, only for what it says."""
    response = connection.response
    idle_s = connection.endpoint.timeouts.idle_s
    connection.deadline.phase("timeout_idle", at_s + idle_s)
    body = bytearray()
    try:
        response.start_body()
        while True:
            body += response.take_body()
            if response.is_complete or len(body) > _LONGEST_ERROR_BODY:
                break
            at_s = connection.read()
            connection.deadline.move(at_s + idle_s)
    except (CallError, *FOREIGN):
        # The status has said what failed; a body cut short can only explain less of it.
        response.keeps_alive = False
        at_s = connection.clock()
    record.ended_at_s = at_s
    record.outcome = _outcome(response.status)
    record.detail = _detail(read_error(bytes(body[:_LONGEST_ERROR_BODY])), record)
    connection.release()


def _outcome(status: int) -> str:
    if status in _RATE_LIMITED:
        return "rate_limited"
    if 400 <= status < 500:
        return "http_4xx"
    if 500 <= status < 600:
        return "http_5xx"
    return "malformed"


def _detail(error: ErrorBody, record: CallRecord) -> str:
    status = record.status
    if 300 <= status < 400:
        location = dict(record.headers).get(b"location", b"").decode("latin-1")
        return f"unexpected redirect: HTTP {status} to {location or 'nowhere'}"
    said = ", ".join(filter(None, (error.kind, error.code)))
    return f"HTTP {status}" + (f": {error.message}" if error.message else "") + (f" ({said})" if said else "")


def _fail(connection: Connection, record: CallRecord, failure: CallError) -> None:
    if record.ended_at_s is None:
        record.ended_at_s = connection.clock()
    connection.close()
    record.outcome = failure.outcome
    record.detail = failure.detail
