"""Frames from bytes, however the network cuts them and whatever they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenswarm.transport.frames import (
    MAX_MESSAGE_BYTES,
    Close,
    FrameError,
    Frames,
    Ping,
    close_frame,
    text_frame,
)


def told(pieces):
    """What the pieces gave, in a form that can be compared."""
    frames = Frames()
    found = [frame for piece in pieces for frame in frames.feed(piece)]
    return [str(frame) if isinstance(frame, FrameError) else frame for frame in found]


@pytest.fixture
def stream(ws):
    """A stream of every kind of frame, of each of the three lengths, that ends with a close."""
    sizes = (0, 1, 125, 126, 300, 65_535, 65_536)
    parts = [ws.frame(b"x" * size) for size in sizes]
    parts += [
        ws.frame(b"hel", fin=False),
        ws.frame(b"now", ws.PING),
        ws.frame(b"", ws.CONTINUATION, fin=False),
    ]
    parts += [ws.frame(b"lo", ws.CONTINUATION), ws.frame(b"", ws.PONG), ws.close(1000, b"bye")]
    return b"".join(parts), [*(b"x" * size for size in sizes), Ping(b"now"), b"hello", Close(1000, "bye")]


def test_whole_and_byte_by_byte(stream):
    """The same frames in the same order."""
    data, expected = stream
    assert told([data]) == expected
    assert told(data[at : at + 1] for at in range(len(data))) == expected


def test_every_split_around_each_frame(stream):
    """Two reads give the same wherever the cut is: all cuts in heads and ends, some in the middle."""
    data, expected = stream
    cuts = [*range(2_000), *range(2_000, len(data) - 200, 977), *range(len(data) - 200, len(data))]
    assert [at for at in cuts if told([data[:at], data[at:]]) != expected] == []


@given(st.binary(max_size=200), st.data())
def test_any_bytes_in_any_pieces_give_frames_or_one_complaint(data, draw):
    """Rubbish never raises; a complaint or a close is the last thing said of the bytes of one read."""
    at = draw.draw(st.integers(0, len(data)))
    whole = Frames().feed(data)
    assert all(not isinstance(frame, FrameError | Close) for frame in whole[:-1])
    if not whole or not isinstance(whole[-1], FrameError | Close):
        assert told([data[:at], data[at:]]) == whole


def test_a_message_may_be_as_long_as_the_limit(ws):
    """And a byte more is too much, in one frame and in two."""
    longest = b"x" * MAX_MESSAGE_BYTES
    assert Frames().feed(ws.frame(longest)) == [longest]
    (error,) = Frames().feed(ws.frame(longest + b"x"))
    assert (error.outcome, error.close_code) == ("malformed", 1009)
    (error,) = Frames().feed(ws.frame(longest, fin=False) + ws.frame(b"x", ws.CONTINUATION))
    assert (error.outcome, error.close_code) == ("malformed", 1009)


@pytest.mark.parametrize(("code", "payload"), [(1000, b"\x03\xe8"), (1005, b""), (1006, b"")])
def test_codes_that_must_not_be_sent_are_not(code, payload):
    """RFC 6455, 7.4.1: 1005 and 1006 stand for a code that was not sent."""
    frame = close_frame(code)
    mask, masked = frame[2:6], frame[6:]
    assert bytes(byte ^ mask[at % 4] for at, byte in enumerate(masked)) == payload


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536])
def test_our_messages_are_masked_and_whole(size):
    """Each of the three forms of a length; a mask of its own each time."""
    frame = text_frame(b"a" * size)
    assert frame[0] == 0x81
    assert frame[1] & 0x80
    head = 2 + {125: 0, 126: 2, 127: 8}.get(max(frame[1] & 0x7F, 125), 0)
    mask, masked = frame[head : head + 4], frame[head + 4 :]
    assert bytes(byte ^ mask[at % 4] for at, byte in enumerate(masked)) == b"a" * size
    assert text_frame(b"same") != text_frame(b"same")
