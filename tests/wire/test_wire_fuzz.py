"""A fuzzer for the decoders of all dialects: real responses bent at any place, and any bytes at all."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tokenswarm.wire.dialect import DIALECTS
from tokenswarm.wire.events import Content, Done, Embeddings, Event, Finished, Started, Whole

# The machine may be busy: how long an example takes says nothing about the decoder.
WIRE = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example])
GOLDEN = Path(__file__).parent.parent / "golden" / "wire"
STREAM, JSON = "text/event-stream", "application/json"


def golden_bytes(dialect: str) -> list[bytes]:
    """Every response that is kept for the dialect."""
    folder = GOLDEN / dialect.replace("-", "_")
    return [path.read_bytes() for path in sorted(folder.iterdir()) if path.suffix in (".sse", ".body")]


def documents_in(responses: list[bytes]) -> list[Any]:
    """The JSON of their events and bodies, each once."""
    texts: dict[bytes, Any] = {}
    for response in responses:
        for line in response.splitlines():
            try:
                texts[line] = json.loads(line.removeprefix(b"data:"))
            except ValueError:  # an event's name, a cut event, a page
                continue
    return list(texts.values())


RESPONSES = {name: golden_bytes(name) for name in DIALECTS}
DOCUMENTS = {name: documents_in(responses) for name, responses in RESPONSES.items()}
SCALARS = st.sampled_from([None, True, False, 0, 1, -1, 2.5, 10**30, "", "a", "error", "stop", [], {}])
ODD = SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(st.just("type"), SCALARS, max_size=1)


@st.composite
def bent(draw: st.DrawFn, documents: list[Any]) -> Any:
    """One of the documents, as a rule with one value somewhere in it replaced or taken out."""
    document = json.loads(json.dumps(draw(st.sampled_from(documents))))
    if not draw(st.integers(0, 2)):
        return document
    place = document
    while isinstance(place, dict | list) and place:
        keys = sorted(place) if isinstance(place, dict) else list(range(len(place)))
        key = draw(st.sampled_from(keys))
        if not isinstance(place[key], dict | list) or draw(st.booleans()):
            if draw(st.booleans()):
                place[key] = draw(ODD)
            else:
                del place[key]
            return document
        place = place[key]
    return draw(ODD)


def decode(dialect: str, content_type: str, pieces: Iterable[bytes]) -> list[Event]:
    decoder = DIALECTS[dialect].decoder(content_type)
    events = [event for piece in pieces for event in decoder.feed(piece)] + decoder.close()
    return [part for event in events for part in (event.events() if isinstance(event, Whole) else [event])]


def assert_keeps_the_contract(events: list[Event]) -> None:
    """Content is never empty; Finished and Done come once, in that order, and nothing of worth after them."""
    assert all(type(event.text) is str and event.text for event in events if isinstance(event, Content))
    kinds = [type(event) for event in events]
    assert [kind for kind in kinds if kind in (Finished, Done)] in ([], [Finished], [Done], [Finished, Done])
    assert kinds.count(Started) <= 1
    if Done in kinds:
        assert kinds.index(Done) == len(kinds) - 1
    if Finished in kinds:
        after = events[kinds.index(Finished) :]
        assert not any(isinstance(event, Content) for event in after)
        assert all(
            event.reason and type(event.reason) is str for event in after if isinstance(event, Finished)
        )
    assert all(event.count >= 0 <= event.dimensions for event in events if isinstance(event, Embeddings))


def cut(body: bytes, places: Iterable[int]) -> list[bytes]:
    """The body in pieces, cut at these places."""
    at = [0, *sorted(place % (len(body) + 1) for place in places), len(body)]
    return [body[start:end] for start, end in pairwise(at)]


PLACES = st.lists(st.integers(0, 10**6), max_size=5)


@pytest.mark.parametrize("name", DIALECTS)
@settings(WIRE, max_examples=250)
@given(st.data())
def test_bent_events_in_any_order_keep_the_contract(name: str, data: st.DataObject) -> None:
    """Fields of other types, fields gone, events twice, out of order or missing: none raises."""
    documents = data.draw(st.lists(bent(DOCUMENTS[name]), max_size=7))
    is_named, is_done = data.draw(st.booleans()), data.draw(st.booleans())
    body = b""
    for document in documents:
        kind = document.get("type") if isinstance(document, dict) else None
        body += b"event: %b\n" % str(kind).encode() if is_named and kind else b""
        body += b"data: " + json.dumps(document).encode() + b"\n\n"
    body += b"data: [DONE]\n\n" * is_done
    events = decode(name, STREAM, [body])
    assert_keeps_the_contract(events)
    assert decode(name, STREAM, cut(body, data.draw(PLACES))) == events


@pytest.mark.parametrize("name", DIALECTS)
@settings(WIRE, max_examples=150)
@given(st.data())
def test_bent_bodies_keep_the_contract(name: str, data: st.DataObject) -> None:
    """The same for an answer that isn't streamed, and for what may be said of an error."""
    body = json.dumps(data.draw(bent(DOCUMENTS[name]))).encode()
    assert_keeps_the_contract(decode(name, JSON, [body]))
    said = DIALECTS[name].read_error(body)
    assert {type(said.message), type(said.kind), type(said.code)} == {str}


@pytest.mark.parametrize("name", DIALECTS)
@settings(WIRE, max_examples=150)
@given(st.data())
def test_damaged_bytes_keep_the_contract(name: str, data: st.DataObject) -> None:
    """Bytes lost, doubled or put in, between any two of a real response."""
    body = data.draw(st.sampled_from(RESPONSES[name]))
    at = data.draw(st.integers(0, len(body)))
    back = data.draw(st.integers(-20, 20))  # below 0: bytes come twice
    damaged = body[:at] + data.draw(st.binary(max_size=4)) + body[max(0, at + back) :]
    for content_type in (STREAM, JSON):
        events = decode(name, content_type, [damaged])
        assert_keeps_the_contract(events)
        assert decode(name, content_type, cut(damaged, data.draw(PLACES))) == events


@pytest.mark.parametrize("name", DIALECTS)
@settings(WIRE)
@given(st.binary() | st.binary().map(lambda raw: b"data: " + raw + b"\n\n"), st.sampled_from([STREAM, JSON]))
def test_any_bytes_keep_the_contract(name: str, body: bytes, content_type: str) -> None:
    """Garbage is reported or passed over, never raised."""
    assert_keeps_the_contract(decode(name, content_type, [body]))
    assert isinstance(DIALECTS[name].read_error(body).message, str)


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize("opening", [b"[", b'{"error":', b'{"response":', b'{"message":', b"<"])
def test_deep_nesting_does_not_exhaust_the_stack(name: str, opening: bytes) -> None:
    """A hostile body is malformed like any other, whole or in an event."""
    deep = opening * 50_000
    parsed = opening * 900 + b"[]" + b"}" * 900
    for body in (deep, parsed):
        assert_keeps_the_contract(decode(name, JSON, [body]))
        assert_keeps_the_contract(decode(name, STREAM, [b"data: " + body + b"\n\n"]))
        assert isinstance(DIALECTS[name].read_error(body).message, str)


@pytest.mark.parametrize("name", [name for name, dialect in DIALECTS.items() if dialect.streams])
def test_event_of_ten_megabytes_is_refused_and_not_kept(name: str) -> None:
    """One complaint, and no memory for what comes after it."""
    decoder = DIALECTS[name].decoder(STREAM)
    events = [event for _ in range(160) for event in decoder.feed(b"data: " * (_ == 0) + b"x" * 65_536)]
    events += decoder.feed(b"\n\ndata: [DONE]\n\n") + decoder.close()
    assert [type(event).__name__ for event in events] == ["Malformed"]
