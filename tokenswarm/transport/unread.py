"""A whole answer that has come and isn't decoded yet: whoever counts ended calls reads many of them in a row.

Its times are known, and the user's next call doesn't depend on what it says. Decoded between two calls of one
user it takes three times as long, for then the code for it is in none of the processor's caches
(docs/performance.md).
"""

from __future__ import annotations

from typing import Final

from tokenswarm.metrics.call import INTERRUPTED, CallRecord
from tokenswarm.transport.answer import Answer
from tokenswarm.transport.endpoint import Endpoint
from tokenswarm.transport.failures import one_line
from tokenswarm.wire.dialect import Dialect

# Larger ones are read at once: dozens in a row would hold all other users up for too long.
MOST_UNREAD_BYTES: Final = 16 * 1024


class UnreadAnswer:
    """The body of a 2xx answer that is no stream, inflated."""

    __slots__ = ("_body", "_content_type", "_dialect", "_endpoint")

    def __init__(self, dialect: Dialect, endpoint: Endpoint, content_type: str, body: bytes) -> None:
        self._dialect = dialect
        self._endpoint = endpoint
        self._content_type = content_type
        self._body = body

    def read(self, record: CallRecord) -> None:
        """Fill the record of the call, which has ended, with what the answer says, and judge it."""
        assert record.ended_at_s is not None
        if record.body is not None:
            record.body += self._body
        decoder, answer = self._dialect.decoder(self._content_type), Answer(record)
        answer.take(decoder.feed(self._body), record.ended_at_s)
        if not answer.is_over:
            answer.take(decoder.close(), record.ended_at_s)
        answer.judge()
        if record.detail:
            record.detail = one_line(self._endpoint.redact(record.detail))


def read_answer(record: CallRecord) -> None:
    """Read what was left unread of a call, if anything was: until then its outcome isn't known."""
    unread, record.unread = record.unread, None
    if unread is None:
        return
    try:
        unread.read(record)
    except BaseException as stop:
        record.outcome, record.detail = INTERRUPTED, f"stopped by {type(stop).__name__}"
        raise
