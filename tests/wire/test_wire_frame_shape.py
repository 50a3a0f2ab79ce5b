"""Frames that are not parsed, because they look like one that was, say what parsing would have said."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenswarm.wire.dialect import DIALECTS
from tokenswarm.wire.events import Event, TextDelta
from tokenswarm.wire.frame_shape import FrameShape, shape_of

STREAM = "text/event-stream"


def chat(text: Any, **more: Any) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None, **more}
    return frame({"id": "c-1", "object": "chat.completion.chunk", "model": "m", "choices": [choice]})


def frame(document: Any, name: str = "", *, ascii_only: bool = True) -> bytes:
    text = json.dumps(document, ensure_ascii=ascii_only)
    return (f"event: {name}\n" if name else "").encode() + b"data: " + text.encode() + b"\n\n"


def anthropic(text: Any, kind: str = "text_delta", key: str = "text") -> bytes:
    said = {"type": "content_block_delta", "index": 0, "delta": {"type": kind, key: text}}
    return frame(said, "content_block_delta")


def read(dialect: str, frames: list[bytes], *, split: bool) -> list[Event]:
    """Frame by frame, or byte by byte, which no shape ever fits."""
    decoder = DIALECTS[dialect].decoder(STREAM)
    body = b"".join(frames)
    pieces = [body[i : i + 1] for i in range(len(body))] if split else frames
    return [event for piece in pieces for event in decoder.feed(piece)] + decoder.close()


ODD_TEXTS = [
    "",
    "word ",
    "content",
    "index",
    "c-1",
    '"',
    "\\",
    "\n",
    "é",
    "€",
    "\u2028",
    "{}",
    "]}",
    "\x7f",
    None,
    7,
]
TEXTS = st.sampled_from(ODD_TEXTS) | st.text(max_size=4)
FRAMES = {
    "openai-chat": st.one_of(
        TEXTS.map(chat),
        TEXTS.map(lambda text: chat(text, finish_reason="stop")),
        TEXTS.map(lambda text: chat(text, logprobs=text)),
        TEXTS.map(lambda text: chat(None, delta={"content": "x", "reasoning_content": text})),
        TEXTS.map(lambda text: frame({"choices": [{"delta": {"content": text}}]}, ascii_only=False)),
        TEXTS.map(lambda text: b": ping\n\n" + chat(text)),
        TEXTS.map(lambda text: chat(text).replace(b"\n", b"\r\n")),
        TEXTS.map(lambda text: chat(text) + chat(text)),
        TEXTS.map(lambda text: chat(text)[:-1]),
        st.just(chat("x").replace(b'"x"', b'"\xff"')),
        st.just(chat("x").replace(b'"x"', b'"\t"')),
        st.just(frame({"error": {"message": "no more"}})),
        st.just(b"data: [DONE]\n\n"),
    ),
    "anthropic-messages": st.one_of(
        TEXTS.map(anthropic),
        TEXTS.map(lambda text: anthropic(text, "thinking_delta", "thinking")),
        TEXTS.map(lambda text: anthropic(text, "input_json_delta", "partial_json")),
        TEXTS.map(lambda text: anthropic("x", str(text))),
        st.just(frame({"type": "message_stop"}, "message_stop")),
    ),
    "openai-responses": st.one_of(
        TEXTS.map(lambda text: frame({"type": "response.output_text.delta", "delta": text})),
        TEXTS.map(lambda text: frame({"type": str(text), "delta": "response.output_text.delta"})),
        TEXTS.map(lambda text: frame({"delta": text}, "response.output_text.delta")),
    ),
}


@pytest.mark.parametrize("dialect", FRAMES)
@settings(deadline=None, max_examples=400)
@given(st.data())
def test_frames_say_the_same_whether_they_come_whole_or_in_bytes(dialect: str, data: st.DataObject) -> None:
    """Whole frames may be read by their shape; single bytes can't."""
    frames = data.draw(st.lists(FRAMES[dialect], min_size=2, max_size=12))
    # Shapes are used from the second frame of a kind on.
    frames = [frame for frame in frames for _ in range(data.draw(st.integers(1, 3)))]
    assert read(dialect, frames, split=False) == read(dialect, frames, split=True)


def test_a_stream_of_like_frames_is_read_by_its_shape() -> None:
    """Else the test above would show nothing: from the third frame on no document is parsed."""
    decoder = DIALECTS["openai-chat"].decoder(STREAM)
    for text in ("a", "b", "c"):
        decoder.feed(chat(text))
    # The same bytes around a text, but no JSON any more: who parses would complain.
    shape = decoder._shape
    assert isinstance(shape, FrameShape)
    broken = shape.before + b"d" + shape.after
    assert broken == chat("d")
    assert shape.read(broken + chat("e")) == [TextDelta("d"), TextDelta("e")]
    assert shape.read(chat("")) is None
    assert shape.read(chat("d")[:-1]) is None


def test_a_text_that_stands_elsewhere_gives_no_shape() -> None:
    """The text that was read is written with an escape; its literal is another field."""
    data = rb'{"model":"word","choices":[{"delta":{"content":"\u0077ord"}}]}'

    def reader(_: bytes, document: Any) -> list[Event]:
        return [TextDelta(document["choices"][0]["delta"]["content"])]

    events = reader(b"", json.loads(data))
    assert events == [TextDelta("word")]
    assert shape_of(b"data: " + data + b"\n\n", b"", data, events, reader) is None
    plain = data.replace(b'"model":"word",', b"").replace(rb"\u0077", b"w")
    assert shape_of(b"data: " + plain + b"\n\n", b"", plain, events, reader) is not None
