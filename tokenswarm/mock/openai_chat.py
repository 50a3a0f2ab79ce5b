"""The OpenAI chat dialect, the provider's side: reads requests, renders answers and chunks."""

from __future__ import annotations

from functools import lru_cache
from time import time
from typing import Any, Final, NamedTuple

import orjson

from tokenswarm.mock.openai_error import STREAM_ERROR, Refusal
from tokenswarm.mock.pieces import TOOL_NAME, all_arguments, make_pieces
from tokenswarm.mock.provider import Plan
from tokenswarm.mock.text import words

_CHARS_PER_TOKEN: Final = 4


# A named tuple and not a frozen dataclass: one is made for each call, and it takes a fifth of the time.
class Ask(NamedTuple):
    """What a chat request asks for; `prompt_tokens` is an estimate at four characters a token."""

    model: str
    is_stream: bool
    wants_usage: bool
    max_tokens: int | None
    prompt_tokens: int


class Stamp(NamedTuple):
    """The provider's own times of one call, as they ride on the answer; no first token unless streamed."""

    ttft_ms: float | None
    total_ms: float

    @property
    def json(self) -> bytes:
        if self.ttft_ms is None:
            return b'{"total_ms":%.3f}' % self.total_ms
        return b'{"ttft_ms":%.3f,"total_ms":%.3f}' % (self.ttft_ms, self.total_ms)

    @property
    def text(self) -> bytes:
        if self.ttft_ms is None:
            return b"[mock total_ms=%.3f]" % self.total_ms
        return b"[mock ttft_ms=%.3f total_ms=%.3f]" % (self.ttft_ms, self.total_ms)


def read_ask(body: bytes) -> Ask | Refusal:
    """The request, or what is wrong with it."""
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError:
        return Refusal(400, "We could not parse the JSON body of your request.")
    if not isinstance(data, dict):
        return Refusal(400, "The body of your request must be a JSON object.")
    model, messages, stream = data.get("model"), data.get("messages"), data.get("stream", False)
    if not isinstance(model, str) or not model:
        return Refusal(400, "you must provide a model parameter", param="model")
    if not isinstance(messages, list) or not messages:
        return Refusal(400, "'messages' must be a list with at least one message", param="messages")
    if stream is not True and stream is not False and stream is not None:
        return Refusal(400, "'stream' must be true or false", param="stream")
    max_tokens = data.get("max_completion_tokens", data.get("max_tokens"))
    if max_tokens is not None and (not isinstance(max_tokens, int) or max_tokens < 1):
        return Refusal(400, "'max_tokens' must be a whole number ≥ 1", param="max_tokens")
    options = data.get("stream_options")
    wants_usage = not stream or (isinstance(options, dict) and options.get("include_usage") is True)
    chars = sum(map(_content_chars, messages))
    return Ask(model, bool(stream), wants_usage, max_tokens, max(1, -(-chars // _CHARS_PER_TOKEN)))


def _content_chars(message: Any) -> int:
    content = message.get("content") if isinstance(message, dict) else None
    if isinstance(content, str):
        return len(content)
    parts = content if isinstance(content, list) else ()
    return sum(
        len(part["text"]) for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str)
    )


def _finish_reason(plan: Plan) -> bytes:
    if plan.orders.no_finish:
        return b"null"
    if plan.is_capped:
        return b'"length"'
    return b'"tool_calls"' if plan.orders.tool else b'"stop"'


def _usage(ask: Ask, plan: Plan) -> bytes:
    completion = plan.tokens + plan.orders.reasoning
    return (
        b'{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d,'
        b'"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},'
        b'"completion_tokens_details":{"reasoning_tokens":%d,"audio_tokens":0,'
        b'"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}'
    ) % (ask.prompt_tokens, completion, ask.prompt_tokens + completion, plan.orders.reasoning)


def _has_usage(ask: Ask, plan: Plan) -> bool:
    return ask.wants_usage if plan.orders.usage is None else plan.orders.usage


_WHOLE: Final = (
    b'{"id":"%b","object":"chat.completion","created":%d,"model":%b,"choices":[{"index":0,"message":%b%b%b}]%b,'
    b'"service_tier":"default","system_fingerprint":"fp_mock","mock":%b}'
)


def whole_body(call_id: bytes, ask: Ask, plan: Plan, stamp: Stamp) -> bytes:
    """The JSON of an answer that isn't streamed."""
    message = _message(plan)
    body = _WHOLE % (
        call_id,
        time(),
        orjson.dumps(ask.model),
        message.before_stamp,
        stamp.text if plan.orders.stamp and not plan.orders.tool else b"",
        message.after_stamp,
        b',"usage":' + _usage(ask, plan) if _has_usage(ask, plan) else b"",
        stamp.json,
    )
    return body[: len(body) // 2] if plan.orders.garble else body


class _Message(NamedTuple):
    before_stamp: bytes
    after_stamp: bytes


@lru_cache(maxsize=64)  # by identity: the same plan is played again and again when nothing is drawn
def _message(plan: Plan) -> _Message:
    """The message of a whole answer and what follows it in its choice."""
    orders = plan.orders
    reasoning = b""
    if orders.reasoning:
        reasoning = b'"reasoning_content":"%b",' % words(0, orders.reasoning).encode()
    ending = b',"refusal":null},"logprobs":null,"finish_reason":%b' % _finish_reason(plan)
    if orders.tool:
        function = {"name": TOOL_NAME, "arguments": all_arguments(plan.tokens)}
        calls = orjson.dumps([{"id": "call_mock", "type": "function", "function": function}])
        return _Message(b'{"role":"assistant","content":null,%b"tool_calls":%b' % (reasoning, calls), ending)
    text = words(0, plan.tokens).encode()
    return _Message(b'{"role":"assistant",%b"content":"%b' % (reasoning, text), b'"' + ending)


class ChatStream:
    """Renders one streamed answer, event by event; knows nothing of time or sockets."""

    __slots__ = ("_after", "_before", "_comment", "_end", "_has_usage", "_plan", "_usage", "events", "pieces")

    def __init__(self, call_id: bytes, ask: Ask, plan: Plan) -> None:
        self.pieces = make_pieces(plan)
        self.events = 0  # rendered so far, comments not counted
        self._plan = plan
        self._end = b"\r\n\r\n" if plan.orders.crlf else b"\n\n"
        self._comment = b": mock processing" + self._end if plan.orders.comment else b""
        self._has_usage = _has_usage(ask, plan)
        self._usage = _usage(ask, plan)
        # What precedes the choices, and what follows the delta of a chunk that doesn't finish.
        self._before = (
            b'data: {"id":"%b","object":"chat.completion.chunk","created":%d,"model":%b,'
            b'"service_tier":"default","system_fingerprint":"fp_mock","choices":['
        ) % (call_id, time(), orjson.dumps(ask.model))
        usage = b',"usage":null' if self._has_usage else b""
        self._after = b',"logprobs":null,"finish_reason":null}]%b}%b' % (usage, self._end)

    def opening(self) -> bytes:
        """What can be sent before there is any content."""
        if not self._plan.orders.role_chunk:
            return self._comment
        return self._chunk(b'{"role":"assistant","content":"","refusal":null}')

    def content(self, index: int, stamp: Stamp | None) -> bytes:
        """The content chunk at `index`; a stamp goes at the end of its text, if it is text."""
        delta = self.pieces[index].delta
        if index == 0 and not self._plan.orders.role_chunk:
            delta = b'{"role":"assistant",' + delta[1:]
        if stamp is not None and delta.endswith(b'"}'):
            delta = delta[:-2] + stamp.text + b'"}'
        if index == min(1, len(self.pieces) - 1) and self._plan.orders.garble:
            self.events += 1
            return b"%b%b%b" % (self._comment, (self._before + delta)[: -len(delta) // 2 - 1], self._end)
        return self._chunk(delta)

    def ending(self, stamp: Stamp) -> bytes:
        """Finish reason, usage if it was asked for, and `[DONE]`; the last chunk of JSON bears the stamp."""
        mock = b',"mock":' + stamp.json
        events = []
        if not self._plan.orders.no_finish:
            usage = b',"usage":null' if self._has_usage else mock
            events.append(
                b'%b{"index":0,"delta":{},"logprobs":null,"finish_reason":%b}]%b}'
                % (self._before, _finish_reason(self._plan), usage)
            )
        if self._has_usage:
            events.append(b'%b],"usage":%b%b}' % (self._before, self._usage, mock))
        events.append(b"data: [DONE]")
        return self._frame(events)

    def error(self) -> bytes:
        """The error event that takes the place of the rest."""
        events = [b"data: " + STREAM_ERROR]
        if self._plan.orders.error_done:
            events.append(b"data: [DONE]")
        return self._frame(events)

    def _chunk(self, delta: bytes) -> bytes:
        self.events += 1
        return b'%b%b{"index":0,"delta":%b%b' % (self._comment, self._before, delta, self._after)

    def _frame(self, events: list[bytes]) -> bytes:
        self.events += len(events)
        return b"".join(self._comment + event + self._end for event in events)
