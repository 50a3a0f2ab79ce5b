"""From a call that ended to what rules about gateways may look at."""

from __future__ import annotations

from tokenswarm.metrics.call import CallRecord
from tokenswarm.wire.kept_answer import KeptAnswer
from tokenswarm.wire.signal_reader import AnswerSaid


def keep_body(record: CallRecord) -> None:
    """Have the answer kept, for who looks into it afterwards."""
    if record.body is None:
        record.body = bytearray()


def said_in(record: CallRecord) -> AnswerSaid:
    """What the answer said; estimated tokens are our words, not its."""
    counts = (record.input_tokens, None if record.tokens_estimated else record.output_tokens)
    known = [count for count in counts if count is not None]
    return AnswerSaid(
        headers=dict(record.headers),
        is_success=record.is_success,
        response_id=record.response_id,
        tokens=sum(known) if known else None,
        body=KeptAnswer(record.body) if record.body else None,
    )
