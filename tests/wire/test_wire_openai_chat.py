"""OpenAI chat: what is sent, and what holds for every response whatever its bytes."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tokenswarm.errors import ConfigurationError
from tokenswarm.wire.dialect import DIALECTS, ChatOptions
from tokenswarm.wire.events import (
    Content,
    Done,
    Event,
    Finished,
    Malformed,
    ReasoningDelta,
    StreamFault,
    TextDelta,
    ToolDelta,
    Whole,
)
from tokenswarm.wire.whole_body import WholeBodyDecoder

# The machine may be busy: how long an example takes says nothing about the decoder.
WIRE = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

CHAT = DIALECTS["openai-chat"]
STREAM, JSON = "text/event-stream", "application/json"


def sent(prompt: str, options: ChatOptions) -> dict[str, object]:
    body: dict[str, object] = json.loads(CHAT.encode(prompt, options).body)
    return body


def decode(content_type: str, pieces: Iterable[bytes]) -> list[Event]:
    decoder = CHAT.decoder(content_type)
    events = [event for piece in pieces for event in decoder.feed(piece)] + decoder.close()
    return [part for event in events for part in (event.events() if isinstance(event, Whole) else [event])]


def test_streaming_request_asks_for_usage() -> None:
    """A stream's tokens are counted by the server, so the request asks for its count."""
    assert sent(
        "Hi", ChatOptions("gpt-4o", stream=True, max_tokens=64, system="Be brief.", temperature=0.0)
    ) == {
        "model": "gpt-4o",
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": 64,
        "temperature": 0.0,
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
    }


def test_whole_request_says_nothing_that_was_not_asked() -> None:
    """Options that aren't set aren't sent: some servers refuse what they don't know."""
    assert sent("Hi", ChatOptions("gpt-4o", stream=False)) == {
        "model": "gpt-4o",
        "stream": False,
        "messages": [{"role": "user", "content": "Hi"}],
    }


def test_extra_has_the_last_word_and_null_drops_a_key() -> None:
    """`extra` adds, replaces and removes: newer models want max_completion_tokens in place of max_tokens."""
    extra = {"model": "other", "max_tokens": None, "max_completion_tokens": 5, "stream_options": None}
    body = sent("Hi", ChatOptions("gpt-4o", stream=True, max_tokens=64, extra=extra))
    assert body == {
        "model": "other",
        "stream": True,
        "max_completion_tokens": 5,
        "messages": [{"role": "user", "content": "Hi"}],
    }


def test_extra_may_drop_everything_but_the_messages() -> None:
    """Even a body of messages alone is valid JSON."""
    options = ChatOptions("gpt-4o", stream=False, extra={"model": None, "stream": None})
    assert sent("Hi", options) == {"messages": [{"role": "user", "content": "Hi"}]}


@pytest.mark.parametrize(
    ("extra", "complaint"),
    [
        ({"messages": []}, r"extra\.messages: .* give a system message as `system`"),
        ({"seed": {1}}, "extra: .* JSON"),
    ],
)
def test_extra_that_cannot_be_sent_is_the_users_mistake(extra: dict[str, object], complaint: str) -> None:
    """It is named before any load instead of failing every call."""
    with pytest.raises(ConfigurationError, match=complaint):
        CHAT.encode("Hi", ChatOptions("gpt-4o", stream=True, extra=extra))


def test_what_follows_from_the_options_is_built_once() -> None:
    """Calls of one kind share all but the prompt, down to the tuple of headers: encoding stays cheap."""
    options = ChatOptions("gpt-4o", stream=True)
    assert CHAT.encode("one", options).headers is CHAT.encode("two", options).headers


def test_options_are_told_apart_though_their_templates_are_kept() -> None:
    """Equal prompts under many options each get their own body, in turns and after the memory was emptied."""
    kinds = [ChatOptions(f"model-{number}", stream=False) for number in range(200)]
    assert [sent("Hi", kind)["model"] for kind in kinds * 2] == [kind.model for kind in kinds * 2]


def test_options_that_are_gone_do_not_lend_their_template() -> None:
    """New options may come to lie where old ones lay in memory, and still get their own body."""
    assert [sent("Hi", ChatOptions(str(n), stream=False))["model"] for n in range(200)] == [
        str(n) for n in range(200)
    ]


@settings(WIRE)
@given(st.text(st.characters(codec="utf-8")))
def test_prompt_arrives_as_it_was(prompt: str) -> None:
    """Quotes, line breaks and any script survive the way into the body."""
    messages = sent(prompt, ChatOptions("gpt-4o", stream=True))["messages"]
    assert messages == [{"role": "user", "content": prompt}]


def test_path_and_headers_follow_the_options() -> None:
    """The dialect's path can be replaced, and the accept header says what is wanted."""
    streamed, whole = (ChatOptions("m", stream=stream) for stream in (True, False))
    assert CHAT.encode("Hi", streamed).path == "/v1/chat/completions"
    assert CHAT.encode("Hi", streamed, "/openai/chat").path == "/openai/chat"
    assert CHAT.encode("Hi", streamed).headers == (
        ("content-type", "application/json"),
        ("accept", "text/event-stream"),
    )
    assert dict(CHAT.encode("Hi", whole).headers)["accept"] == "application/json"


@pytest.mark.parametrize("content_type", [STREAM, "Text/Event-Stream;charset=utf-8", " text/event-stream"])
def test_event_stream_is_known_by_its_content_type(content_type: str) -> None:
    """Letter case, spaces and parameters don't matter."""
    chunk = b'data: {"choices":[{"delta":{"content":"Hi"}}]}\n\n'
    assert CHAT.decoder(content_type).feed(chunk) == [TextDelta("Hi")]


@pytest.mark.parametrize("content_type", ["text/html", "text/plain", "application/x-ndjson", ""])
def test_unexpected_content_type_is_read_whole(content_type: str) -> None:
    """A 200 that is a page is malformed, and the complaint names the page."""
    events = decode(content_type, [b"<html><title>Log in</title>"])
    assert events == [Malformed("expected JSON, got an HTML page titled “Log in”")]


def test_content_comes_with_the_read_that_completes_it() -> None:
    """Timestamps are taken by the read, so no content may wait for a later one."""
    chunks = [b'data: {"choices":[{"delta":{"content":"%d"}}]}\n\n' % number for number in range(3)]
    decoder = CHAT.decoder(STREAM)
    assert [decoder.feed(chunk) for chunk in chunks] == [[TextDelta("0")], [TextDelta("1")], [TextDelta("2")]]


def test_endless_event_ends_the_decoding_with_one_complaint() -> None:
    """A server that never ends its line costs a bounded memory and fails its own call."""
    decoder = CHAT.decoder(STREAM)
    events = decoder.feed(b'data: {"choices":[{"delta":{"content":"Hi"}}]}\n\ndata: ')
    for _ in range(10):
        events += decoder.feed(b"x" * 2**20)
    events += decoder.feed(b"\n\ndata: [DONE]\n\n") + decoder.close()
    assert events == [TextDelta("Hi"), Malformed("an event that is too large, or a line that never ends")]


def test_endless_body_ends_the_decoding_with_one_complaint() -> None:
    """A whole body has a bound as well, and is not read once it is past it."""
    decoder = WholeBodyDecoder(lambda _: [Done()], max_bytes=3)
    events = decoder.feed(b"{ }") + decoder.feed(b" ") + decoder.feed(b" ") + decoder.close()
    assert events == [Malformed("a body of more than 3 bytes")]


def test_body_as_large_as_allowed_is_read() -> None:
    """The bound is the largest size, not the first refused."""
    decoder = WholeBodyDecoder(lambda _: [Done()], max_bytes=3)
    assert decoder.feed(b"{ }") + decoder.close() == [Done()]


@pytest.mark.parametrize("content_type", [STREAM, JSON])
def test_closing_twice_says_nothing_new(content_type: str) -> None:
    """A connection that is closed after its body ended doesn't end the body again."""
    body = b'{"choices":[{"delta":{},"message":{"content":"Hi"},"finish_reason":"stop"}]}'
    decoder = CHAT.decoder(content_type)
    decoder.feed(b"data: " * (content_type == STREAM) + body)
    assert decoder.close()
    assert decoder.close() == []


# JSON like a chunk's but with anything anywhere: keys that are looked for, values of every type.
# fmt: off
KEYS = st.sampled_from([  # one a line would fill a screen
    "id", "model", "choices", "delta", "message", "content", "refusal", "reasoning",
    "reasoning_content", "tool_calls", "function_call", "function", "custom", "name", "arguments",
    "input", "index", "finish_reason", "usage", "prompt_tokens", "completion_tokens",
    "prompt_tokens_details", "cached_tokens", "completion_tokens_details", "reasoning_tokens", "cost",
    "error", "errors", "detail", "type", "code", "x",
])
# fmt: on
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-1, 3)
    | st.floats(allow_nan=False)
    | st.sampled_from(["", "a", "error"])
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


def mostly(expected: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    """What belongs there, and now and then something else, so that the deep places are reached."""
    return st.integers(0, 7).flatmap(lambda number: expected if number else ANYTHING)


SAID = mostly(
    st.dictionaries(KEYS, ANYTHING, max_size=3) | st.fixed_dictionaries({"content": mostly(st.just("hi"))})
)
CHOICE = mostly(
    st.fixed_dictionaries(
        {"delta": SAID, "message": SAID}, optional={"index": ANYTHING, "finish_reason": ANYTHING}
    )
)
CHUNKS = mostly(
    st.fixed_dictionaries(
        {"choices": mostly(st.lists(CHOICE, max_size=2))},
        optional={"id": ANYTHING, "model": ANYTHING, "usage": ANYTHING, "error": ANYTHING},
    )
)


def assert_keeps_the_contract(events: list[Event]) -> None:
    """Content is text and never empty, Finished and Done come once at most and in that order, at the end."""
    content = [event for event in events if isinstance(event, Content)]
    assert all(type(event.text) is str and event.text for event in content)
    kinds = [type(event) for event in events]
    ending = [kind for kind in kinds if kind in (Finished, Done)]
    assert ending in ([], [Finished], [Done], [Finished, Done])
    if Done in kinds:
        assert kinds.index(Done) == len(kinds) - 1
    if Finished in kinds:
        assert not {TextDelta, ReasoningDelta, ToolDelta} & set(kinds[kinds.index(Finished) :])


@settings(WIRE, max_examples=300)
@given(st.lists(CHUNKS, max_size=4), st.booleans())
def test_any_json_in_a_stream_keeps_the_contract(chunks: list[object], is_done: bool) -> None:
    """No shape of JSON makes the decoder raise or report what it mustn't."""
    pieces = [b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks]
    pieces += [b"data: [DONE]\n\n"] * is_done
    events = decode(STREAM, pieces)
    assert_keeps_the_contract(events)
    assert decode(STREAM, [b"".join(pieces)]) == events


@settings(WIRE, max_examples=300)
@given(CHUNKS)
def test_any_json_body_keeps_the_contract(document: object) -> None:
    """Nor does any JSON body, as an answer or as an error."""
    body = json.dumps(document).encode()
    assert_keeps_the_contract(decode(JSON, [body]))
    assert isinstance(CHAT.read_error(body).message, str)


# A message without content is as common as one whose content is null.
LEAN_CHOICES = {
    "tools alone": {"message": {"tool_calls": [{"function": {"name": "f"}}]}, "finish_reason": "tool_calls"},
    "a refusal alone": {"message": {"refusal": "No."}, "finish_reason": "stop"},
    "reasoning alone": {"message": {"reasoning_content": "Hm."}, "finish_reason": "length"},
    "no reason to stop": {"message": {"content": "Hi"}},
    "no message": {"finish_reason": "stop"},
    "a fault alone": {"finish_reason": "error", "error": {"message": "overloaded"}},
    "text and no more": {"message": {"content": "Hi"}, "finish_reason": "stop"},
}


@pytest.mark.parametrize("choice", LEAN_CHOICES.values(), ids=LEAN_CHOICES)
def test_a_body_that_leaves_keys_out_says_what_a_stream_would(choice: dict[str, object]) -> None:
    """The quick way for plain answers must leave whatever it doesn't know to the one that reads all."""
    chunk = {("delta" if key == "message" else key): value for key, value in choice.items()}
    streamed = b"data: %b\n\ndata: [DONE]\n\n" % json.dumps({"choices": [chunk]}).encode()
    events = decode(JSON, [json.dumps({"choices": [choice]}).encode()])
    assert events == decode(STREAM, [streamed])
    assert Malformed not in map(type, events)


@settings(WIRE, max_examples=300)
@given(
    st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "message": SAID,
                "index": SCALARS,
                "finish_reason": mostly(st.sampled_from(["stop", "length", ""])),
            },
        ),
        min_size=1,
        max_size=2,
    ),
    st.fixed_dictionaries({}, optional={"id": ANYTHING, "model": ANYTHING, "usage": ANYTHING}),
)
def test_any_body_says_what_a_stream_of_one_chunk_would(
    choices: list[dict[str, object]], rest: dict[str, object]
) -> None:
    """Whichever way a body is read: up to what ends the answer, if that isn't the body's end."""
    chunks = [{("delta" if key == "message" else key): said for key, said in one.items()} for one in choices]
    sent = b"data: %b\n\ndata: [DONE]\n\n" % json.dumps({**rest, "choices": chunks}).encode()
    whole, streamed = (
        [event if not isinstance(event, Malformed) else Malformed("") for event in events]
        for events in (
            decode(JSON, [json.dumps({**rest, "choices": choices}).encode()]),
            decode(STREAM, [sent]),
        )
    )
    fatal = next((at for at, one in enumerate(streamed) if isinstance(one, Malformed | StreamFault)), None)
    assert whole[: None if fatal is None else fatal + 1] == streamed[: None if fatal is None else fatal + 1]


@settings(WIRE)
@given(st.binary() | st.binary().map(lambda raw: b"data: " + raw + b"\n\n"), st.sampled_from([STREAM, JSON]))
def test_arbitrary_bytes_keep_the_contract(body: bytes, content_type: str) -> None:
    """Garbage is reported or passed over, never raised."""
    assert_keeps_the_contract(decode(content_type, [body]))
    assert isinstance(CHAT.read_error(body).message, str)


@pytest.mark.parametrize("opening", [b"[", b'{"error":', b'{"detail":', b"<"])
def test_deep_bodies_do_not_exhaust_the_stack(opening: bytes) -> None:
    """A hostile nesting is malformed like any other."""
    body = opening * 100_000
    assert_keeps_the_contract(decode(JSON, [body]))
    assert isinstance(CHAT.read_error(body).message, str)


def test_nested_json_that_parses_does_not_exhaust_the_stack() -> None:
    """Neither is a nesting that the JSON parser still allows."""
    body = b'{"error":' * 900 + b"[]" + b"}" * 900
    assert isinstance(CHAT.read_error(body).message, str)
    assert_keeps_the_contract(decode(JSON, [body]))
    assert_keeps_the_contract(decode(STREAM, [b"data: " + body + b"\n\n"]))
