"""The event-stream decoder: line ends, fields, splits, and its bound on memory."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tokenswarm.wire.sse import SseDecoder, SseEvent

# The machine may be busy: how long an example takes says nothing about the decoder.
WIRE = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

BOM = b"\xef\xbb\xbf"


def decode(pieces: Iterable[bytes], max_event_bytes: int = 1000) -> tuple[list[SseEvent], bool]:
    """The events of all pieces, and whether one was too large."""
    decoder = SseDecoder(max_event_bytes)
    events = [event for piece in pieces for event in decoder.feed(piece)]
    events += decoder.close()
    return events, decoder.is_overflowed


def cut(body: bytes, places: Iterable[int]) -> list[bytes]:
    """The body in pieces, cut at these places; empty pieces are possible."""
    at = [0, *sorted(place % (len(body) + 1) for place in places), len(body)]
    return [body[start:end] for start, end in pairwise(at)]


@pytest.mark.parametrize(
    ("body", "events"),
    [
        pytest.param(b"data: a\n\n", [(b"", b"a")], id="one line"),
        pytest.param(b"data:a\n\n", [(b"", b"a")], id="no space"),
        pytest.param(b"data:  a\n\n", [(b"", b" a")], id="only one space goes"),
        pytest.param(b"data: a\ndata: b\n\n", [(b"", b"a\nb")], id="two lines are joined"),
        pytest.param(
            b"data\n\ndata\ndata\n\n", [(b"", b""), (b"", b"\n")], id="data without a colon is empty"
        ),
        pytest.param(b"data:\n\n", [(b"", b"")], id="empty data is an event"),
        pytest.param(b"\n\n\n", [], id="blank lines alone are none"),
        pytest.param(b"event: e\n\ndata: a\n\n", [(b"", b"a")], id="a name without data is forgotten"),
        pytest.param(
            b"event: e\ndata: a\n\ndata: b\n\n", [(b"e", b"a"), (b"", b"b")], id="a name names one event"
        ),
        pytest.param(b"event:e\nevent\ndata: a\n\n", [(b"", b"a")], id="an empty name clears the name"),
        pytest.param(b": note\ndata: a\n:\n\n", [(b"", b"a")], id="comments say nothing"),
        pytest.param(
            b"id: 1\nretry: 5\nDATA: x\ndatax: y\n data: z\ndata: a\n\n", [(b"", b"a")], id="other fields"
        ),
        pytest.param(b"data: a\r\rdata: b\r\r", [(b"", b"a"), (b"", b"b")], id="CR"),
        pytest.param(b"data: a\r\n\r\ndata: b\r\n\r\n", [(b"", b"a"), (b"", b"b")], id="CRLF"),
        pytest.param(b"data: a\r\n\ndata: b\n\r\n", [(b"", b"a"), (b"", b"b")], id="mixed"),
        pytest.param(BOM + b"data: a\n\n", [(b"", b"a")], id="a BOM is skipped"),
        pytest.param(BOM + BOM + b"data: a\n\n", [], id="but one BOM only"),
        pytest.param(b"data: a\n\n" + BOM + b"data: b\n\n", [(b"", b"a")], id="and only at the beginning"),
        pytest.param(b"data: a", [(b"", b"a")], id="the end of the body ends the line and the event"),
        pytest.param(
            b"data: a\n\ndata: b\n", [(b"", b"a"), (b"", b"b")], id="the end of the body ends the event"
        ),
    ],
)
def test_stream_gives_its_events_at_every_split(body: bytes, events: list[SseEvent]) -> None:
    """Each rule of the standard holds whole, byte by byte, and cut anywhere."""
    pieces = [[body], [body[at : at + 1] for at in range(len(body))]]
    pieces += [[body[:at], body[at:]] for at in range(len(body))]
    assert [decode(each) for each in pieces] == [(events, False)] * len(pieces)


def test_event_comes_with_the_byte_that_completes_it() -> None:
    """Reads are timed, so no event waits for what follows its blank line, be it the LF of a CRLF."""
    decoder = SseDecoder()
    given_by = [
        len(decoder.feed(piece)) for piece in (b"data: a\r", b"\r", b"\n", b"data: b\r\n", b"\r", b"\n")
    ]
    assert given_by == [0, 1, 0, 0, 1, 0]


@pytest.mark.parametrize(
    ("body", "fits"),
    [
        pytest.param(b"data: 789\n", True, id="9 bytes, as many as may be"),
        pytest.param(b"data: 7890", False, id="10 bytes, unfinished"),
        pytest.param(b"data: 7890\n\n", False, id="10 bytes, complete"),
        pytest.param(BOM + b"data:9\n\n", True, id="9 bytes, a BOM among them"),
        pytest.param(BOM + b"data:90\n\n", False, id="10 bytes, a BOM among them"),
        pytest.param(b"data\ndata\n", True, id="two lines of 4 bytes and the line end between"),
        pytest.param(b"data\ndata\ndata\n", False, id="lines add up"),
        pytest.param(b"data: 78\n\n" * 9, True, id="events don't"),
        pytest.param(b": note 8\n" * 9, True, id="nor comments, which aren't kept"),
        pytest.param(b": note 890", False, id="a comment that never ends"),
    ],
)
def test_event_that_is_too_large_is_refused(body: bytes, fits: bool) -> None:
    """An event may have its largest size and no byte more, however it arrives."""
    ways = ([body], [body[at : at + 1] for at in range(len(body))])
    assert [decode(pieces, max_event_bytes=9)[1] for pieces in ways] == [not fits] * 2


def test_events_before_the_one_too_large_are_kept_and_none_comes_after() -> None:
    """What was good stays good; after it nothing can be trusted to start at an event."""
    body = b"data: a\n\ndata: 0123456789\n\ndata: b\n\n"
    assert decode([body, body], max_event_bytes=10) == ([(b"", b"a")], True)


LINE = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=8).map(str.encode)


@st.composite
def streams(draw: st.DrawFn) -> tuple[bytes, list[SseEvent]]:
    """A stream as some server might write it, and its events."""
    events = draw(st.lists(st.tuples(LINE, st.lists(LINE, min_size=1, max_size=3)), max_size=5))
    lines: list[bytes] = []
    for name, data in events:
        lines += [b":" + comment for comment in draw(st.lists(LINE, max_size=1))]
        lines += [b"event: " + name] if name else []
        lines += [
            (b"data:" if draw(st.booleans()) and line[:1] != b" " else b"data: ") + line for line in data
        ]
        lines.append(b"")
    body = draw(st.sampled_from([b"", BOM])) + b"".join(
        line + end for end in [draw(st.sampled_from([b"\n", b"\r", b"\r\n"]))] for line in lines
    )
    return body, [(name, b"\n".join(data)) for name, data in events]


@settings(WIRE)
@given(streams(), st.lists(st.integers(min_value=0), max_size=6))
def test_written_streams_are_read_back(stream: tuple[bytes, list[SseEvent]], places: list[int]) -> None:
    """What a server writes is what the decoder gives, over any reads."""
    body, events = stream
    assert decode(cut(body, places)) == (events, False)


TOKENS = st.sampled_from(
    [b"data: ", b"data:", b"data", b"event:", b":", b"\r", b"\n", b"\r\n", BOM, b" ", b"xxxxx"]
)


@settings(WIRE)
@given(st.lists(TOKENS | st.binary(max_size=3)), st.lists(st.integers(min_value=0), max_size=6))
def test_any_split_of_any_bytes_gives_the_same_events(tokens: list[bytes], places: list[int]) -> None:
    """Nor do splits change what is refused as too large."""
    body = b"".join(tokens)
    assert decode(cut(body, places), max_event_bytes=20) == decode([body], max_event_bytes=20)
