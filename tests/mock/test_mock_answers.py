"""What the mock answers: the shape of whole and streamed answers, and what each order changes."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

Post = Callable[..., Any]
WITH_USAGE = {"include_usage": True}


def test_a_whole_answer_has_openais_shape(post: Post) -> None:
    """Id, choices, finish reason, usage, and the provider's own time in a header."""
    answer = post("mock;ttft=3")
    body = answer.json
    assert answer.status == 200
    assert (body["object"], body["model"]) == ("chat.completion", "mock;ttft=3")
    assert body["choices"][0]["finish_reason"] == "stop"
    assert len(body["choices"][0]["message"]["content"].split()) == 5
    assert body["usage"]["prompt_tokens"] == 3  # ten characters
    assert body["usage"]["total_tokens"] == 8
    assert float(answer.headers["x-mock-provider-ms"]) >= 3
    assert answer.headers["x-request-id"].removeprefix("req_") == body["id"].removeprefix("chatcmpl-")
    assert "x-ratelimit-remaining-requests" in answer.headers


def test_metadata_comes_to_order(post: Post) -> None:
    """Beside the choices; nobody who didn't ask for it gets it."""
    assert post("mock;metadata=1").json["metadata"] == {"provider": "mock", "cached": False}
    assert "metadata" not in post("mock").json


def test_a_stream_opens_with_a_role_and_ends_in_done(stream: Post) -> None:
    """Role chunk, one content chunk a token, finish chunk, [DONE]; no usage unless asked for."""
    answer = stream()
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.data[-1] == "[DONE]"
    assert answer.deltas[0] == {"role": "assistant", "content": "", "refusal": None}
    assert len(answer.contents) == 5
    assert answer.chunks[-1]["choices"][0]["finish_reason"] == "stop"
    assert not any("usage" in chunk for chunk in answer.chunks)
    assert len({chunk["id"] for chunk in answer.chunks}) == 1


def test_a_stream_says_the_same_as_a_whole_answer(post: Post, stream: Post) -> None:
    """The text doesn't depend on how it is sent."""
    whole = post("mock;tokens=40").json["choices"][0]["message"]["content"]
    assert "".join(stream("mock;tokens=40").contents) == whole
    assert "".join(stream("mock;tokens=40;chunk_tokens=7").contents) == whole


def test_usage_comes_in_a_last_chunk_without_choices(stream: Post) -> None:
    """As stream_options.include_usage asks; the other chunks say null."""
    chunks = stream(stream_options=WITH_USAGE).chunks
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["completion_tokens"] == 5
    assert {chunk["usage"] for chunk in chunks[:-1]} == {None}


def test_the_last_chunk_bears_the_providers_own_times(stream: Post) -> None:
    """In the usage chunk if there is one, else in the finish chunk."""
    for options in ({}, {"stream_options": WITH_USAGE}):
        times = stream("mock;ttft=4;itl=1", **options).chunks[-1]["mock"]
        assert times["ttft_ms"] >= 4
        assert times["total_ms"] >= 8


def test_ids_are_unique(post: Post) -> None:
    """A repeated id would look like a cached answer."""
    assert len({post().json["id"] for _ in range(20)}) == 20


def test_max_tokens_ends_the_answer_with_length(post: Post, stream: Post) -> None:
    """Both spellings cap the tokens."""
    assert post(max_tokens=2).json["choices"][0]["finish_reason"] == "length"
    answer = stream(max_completion_tokens=2)
    assert len(answer.contents) == 2
    assert answer.chunks[-1]["choices"][0]["finish_reason"] == "length"


def test_prompt_tokens_are_estimated_from_all_text(post: Post) -> None:
    """Four characters a token, over messages and their text parts."""
    messages = [
        {"role": "system", "content": "x" * 40},
        {
            "role": "user",
            "content": [{"type": "text", "text": "y" * 41}, {"type": "image_url", "image_url": {}}],
        },
    ]
    assert post(messages=messages).json["usage"]["prompt_tokens"] == 21


def test_headers_order_too_and_outrank_the_model_name(stream: Post) -> None:
    """A dash in a header stands for an underscore in the key."""
    answer = stream(
        "mock;tokens=9;chunk_tokens=3", headers={"X-Mock-Tokens": "4", "x-mock-chunk-tokens": "2"}
    )
    assert len(answer.contents) == 2


def test_an_unknown_order_is_refused_with_the_allowed_ones(post: Post) -> None:
    """A 400 in OpenAI's form."""
    answer = post("mock;speed=9")
    assert answer.status == 400
    assert "unknown order 'speed', allowed are ttft, itl, tokens" in answer.json["error"]["message"]
    assert answer.json["error"]["code"] == "unknown_order"


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (400, "invalid_request_error", None),
        (401, "invalid_request_error", "invalid_api_key"),
        (429, "requests", "rate_limit_exceeded"),
        (500, "server_error", None),
        (503, "server_error", "overloaded"),
        (529, "overloaded_error", "overloaded"),
    ],
)
def test_an_ordered_status_has_a_body_as_openai_words_it(
    stream: Post, status: int, kind: str, code: str | None
) -> None:
    """Also when a stream was asked for."""
    answer = stream(f"mock;status={status};retry_after=7")
    error = answer.json["error"]
    assert (answer.status, error["type"], error["code"]) == (status, kind, code)
    assert error["message"]
    assert answer.headers.get("retry-after") == ("7" if status in (429, 503, 529) else None)


def test_reasoning_comes_first_and_is_counted(post: Post, stream: Post) -> None:
    """Reasoning deltas, then content; both in the usage."""
    answer = stream("mock;reasoning=3;tokens=2", stream_options=WITH_USAGE)
    kinds = ["reasoning" if "reasoning_content" in delta else "content" for delta in answer.deltas[1:]]
    assert kinds == ["reasoning"] * 3 + ["content"] * 2
    usage = answer.chunks[-1]["usage"]
    assert usage["completion_tokens"] == 5
    assert usage["completion_tokens_details"]["reasoning_tokens"] == 3
    assert len(post("mock;reasoning=3").json["choices"][0]["message"]["reasoning_content"].split()) == 3


@pytest.mark.parametrize("tokens", [1, 2, 3, 12])
def test_a_tool_call_has_a_name_and_valid_arguments(post: Post, stream: Post, tokens: int) -> None:
    """The pieces of a streamed call join to JSON, however many there are."""
    answer = stream(f"mock;tool=1;tokens={tokens}")
    calls = [delta["tool_calls"][0] for delta in answer.deltas if "tool_calls" in delta]
    assert len(calls) == tokens
    assert calls[0]["function"]["name"] == "note"
    assert answer.chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"
    joined = "".join(call["function"]["arguments"] for call in calls)
    if tokens != 2:  # a name and one piece
        assert set(json.loads(joined)) == {"text"}
    whole = post(f"mock;tool=1;tokens={tokens}").json["choices"][0]
    assert set(json.loads(whole["message"]["tool_calls"][0]["function"]["arguments"])) == {"text"}
    assert whole["finish_reason"] == "tool_calls"


def test_usage_can_be_withheld_or_forced(post: Post, stream: Post) -> None:
    """usage=0 leaves it out everywhere; usage=1 sends it unasked."""
    assert "usage" not in post("mock;usage=0").json
    assert not any("usage" in chunk for chunk in stream("mock;usage=0", stream_options=WITH_USAGE).chunks)
    assert stream("mock;usage=1").chunks[-1]["usage"]["completion_tokens"] == 5


def test_without_a_role_chunk_the_role_rides_on_the_first_content(stream: Post) -> None:
    """No delta without content is sent."""
    deltas = stream("mock;role_chunk=0").deltas
    assert deltas[0]["role"] == "assistant"
    assert deltas[0]["content"]
    assert len(deltas) == 5


def test_comments_stand_before_each_event(stream: Post) -> None:
    """Comment lines, and the data between them is untouched."""
    answer = stream("mock;comment=1")
    assert answer.body.count(b": mock processing\n\n") == len(answer.data) == 8
    assert len(answer.contents) == 5


def test_crlf_ends_every_line(stream: Post) -> None:
    """No bare line feed is left, comments included."""
    body = stream("mock;crlf=1;comment=1").body
    assert body.count(b"\n") == body.count(b"\r\n") == 32


def test_a_stamp_ends_the_text(post: Post, stream: Post) -> None:
    """The provider's times survive a gateway that drops headers and unknown fields."""
    streamed = "".join(stream("mock;stamp=1;ttft=2").contents)
    assert re.search(r" \[mock ttft_ms=(\d+\.\d{3}) total_ms=(\d+\.\d{3})\]$", streamed)
    whole = post("mock;stamp=1;ttft=2").json["choices"][0]["message"]["content"]
    assert re.search(r" \[mock total_ms=\d+\.\d{3}\]$", whole)


def test_gzip_is_used_only_if_ordered_and_accepted(post: Post, stream: Post) -> None:
    """Whole bodies and streams; the unzipped bytes are the usual ones."""
    accepts = {"accept-encoding": "br, gzip"}
    assert "content-encoding" not in post("mock", headers=accepts).headers
    assert "content-encoding" not in post("mock;gzip=1").headers
    whole = post("mock;gzip=1", headers=accepts)
    assert whole.headers["content-encoding"] == "gzip"
    assert json.loads(gzip.decompress(whole.body))["object"] == "chat.completion"
    streamed = stream("mock;gzip=1;tokens=50", headers=accepts)
    text = gzip.decompress(streamed.body)
    assert text.count(b"data: ") == 53
    assert len(streamed.body) < len(text) / 3


def test_garble_breaks_exactly_one_chunk_or_the_whole_body(post: Post, stream: Post) -> None:
    """The stream goes on after the broken event."""
    broken = []
    answer = stream("mock;garble=1;comment=1")
    assert answer.body.count(b": mock") == len(answer.data) == 8
    for data in answer.data[:-1]:
        try:
            json.loads(data)
        except ValueError:
            broken.append(data)
    assert len(broken) == 1
    with pytest.raises(ValueError, match=r"Unterminated|Expecting|delimiter"):
        json.loads(post("mock;garble=1").body)


def test_html_is_a_page_with_the_ordered_status(post: Post) -> None:
    """200 unless a status is ordered."""
    good, bad = post("mock;html=1"), post("mock;html=1;status=502")
    assert (good.status, bad.status) == (200, 502)
    assert good.headers["content-type"].startswith("text/html")
    assert b"<html>" in bad.body


def test_no_finish_ends_in_done_without_a_reason(post: Post, stream: Post) -> None:
    """[DONE] alone doesn't make a success."""
    answer = stream("mock;no_finish=1")
    assert answer.data[-1] == "[DONE]"
    assert {choice["finish_reason"] for chunk in answer.chunks for choice in chunk["choices"]} == {None}
    assert post("mock;no_finish=1").json["choices"][0]["finish_reason"] is None


@pytest.mark.parametrize("after", [0, 3, 5])
def test_a_cut_comes_after_so_many_chunks(stream: Post, after: int) -> None:
    """The chunks before it arrive; then the connection ends without an ending."""
    answer = stream(f"mock;cut={after}")
    assert answer.is_cut
    assert len(answer.contents) == after
    assert "[DONE]" not in answer.data


@pytest.mark.parametrize("fault", ["cut", "error_at"])
def test_a_fault_beyond_the_end_never_comes(stream: Post, fault: str) -> None:
    """An answer of five chunks has no place after six."""
    answer = stream(f"mock;{fault}=6")
    assert answer.chunks[-1]["choices"][0]["finish_reason"] == "stop"
    assert not answer.is_cut
    assert answer.data[-1] == "[DONE]"


def test_a_whole_answer_is_cut_in_mid_body(post: Post) -> None:
    """Fewer bytes than the content length promised."""
    answer = post("mock;cut=0")
    assert answer.is_cut
    assert 0 < len(answer.body) < int(answer.headers["content-length"])


@pytest.mark.parametrize("done", [0, 1])
def test_an_error_event_takes_the_place_of_the_rest(stream: Post, done: int) -> None:
    """With or without [DONE] after it; the HTTP answer itself is complete."""
    answer = stream(f"mock;error_at=2;error_done={done}")
    assert not answer.is_cut
    assert len(answer.contents) == 2
    assert answer.chunks[-1]["error"]["type"] == "server_error"
    assert (answer.data[-1] == "[DONE]") is bool(done)


def test_the_earlier_of_cut_and_error_wins(stream: Post) -> None:
    """Two faults in one stream."""
    assert stream("mock;cut=1;error_at=3").is_cut
    assert not stream("mock;cut=3;error_at=1").is_cut


def test_a_long_stream_without_gaps_is_whole(stream: Post) -> None:
    """Thousands of chunks that are all due at once."""
    assert len(stream("mock;tokens=3000").contents) == 3000
