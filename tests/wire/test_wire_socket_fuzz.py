"""Whatever a server says on a WebSocket, a session answers with events of the contract and never raises."""

from __future__ import annotations

from typing import get_args

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenswarm.wire.events import Content, Done, Event, Finished, Malformed, StreamFault
from tokenswarm.wire.socket_dialect import SOCKET_DIALECTS

KINDS = [
    "session.created",
    "response.created",
    "response.output_text.delta",
    "response.text.delta",
    "response.function_call_arguments.delta",
    "response.done",
    "error",
    "token",
    "done",
]
SCALARS = st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False) | st.text(max_size=5)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "id", "status", "status_details", "usage", "error", "reason", "input_tokens"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
MESSAGES = st.dictionaries(
    st.sampled_from(["delta", "response", "error", "response_id", "text", "usage", "message"]), VALUES
).flatmap(lambda said: st.sampled_from(KINDS).map(lambda kind: {**said, "type": kind}))


@pytest.mark.parametrize("name", SOCKET_DIALECTS)
@given(messages=st.lists(MESSAGES | VALUES, max_size=6))
def test_bent_messages_keep_the_contract(name: str, messages: list[object]) -> None:
    """Content is never empty, and a good end has its reason just before it."""
    session = SOCKET_DIALECTS[name](None).session()
    session.begin()
    for message in messages:
        events = session.feed(orjson.dumps(message))
        assert all(isinstance(event, get_args(Event)) for event in events)
        assert all(
            isinstance(event.text, str) and event.text for event in events if isinstance(event, Content)
        )
        if any(isinstance(event, Finished) for event in events):
            assert isinstance(events[-1], Done)


@pytest.mark.parametrize("name", SOCKET_DIALECTS)
@given(message=st.binary(max_size=60))
def test_any_bytes_are_events_or_malformed(name: str, message: bytes) -> None:
    """Invalid UTF-8, half a JSON, nothing at all."""
    session = SOCKET_DIALECTS[name](None).session()
    session.begin()
    for event in session.feed(message):
        assert isinstance(event, Malformed | StreamFault)
