"""The OpenAI chat dialect, the provider's side: reads requests, renders answers and chunks."""

from __future__ import annotations

from functools import lru_cache
from time import time
from typing import Final, NamedTuple

import orjson

from tokenswarm.mock.ask import BAD_LIMIT, CHARS_PER_TOKEN, Ask, content_chars, is_limit, read_openai
from tokenswarm.mock.connection import Request
from tokenswarm.mock.openai_error import STREAM_ERROR, error_body
from tokenswarm.mock.openai_head import openai_head
from tokenswarm.mock.orders import Orders
from tokenswarm.mock.pieces import TOOL_NAME, Kind, Piece, all_arguments, make_pieces
from tokenswarm.mock.provider import Plan
from tokenswarm.mock.refusal import Refusal
from tokenswarm.mock.stamp import Stamp
from tokenswarm.mock.text import MAX_TOKENS, WORDS, words


class OpenAIChat:
    """`POST /v1/chat/completions`."""

    id_prefix = b"chatcmpl-"
    is_text = True
    head = staticmethod(openai_head)
    error = staticmethod(error_body)

    def fit(self, orders: Orders) -> Orders:
        """All orders can be followed."""
        return orders

    def read(self, request: Request) -> Ask | Refusal:
        """The request, or what is wrong with it."""
        data = read_openai(request.body)
        if isinstance(data, Refusal):
            return data
        max_tokens = data.get("max_completion_tokens", data.get("max_tokens"))
        if max_tokens is not None and not is_limit(max_tokens):
            return BAD_LIMIT
        messages, stream = data.get("messages"), data.get("stream")
        if not isinstance(messages, list) or not messages:
            return Refusal(400, "'messages' must be a list with at least one message", param="messages")
        options = data.get("stream_options")
        wants_usage = not stream or (isinstance(options, dict) and options.get("include_usage") is True)
        prompt_tokens = max(1, -(-sum(map(content_chars, messages)) // CHARS_PER_TOKEN))
        return Ask(data["model"], bool(stream), wants_usage, max_tokens, prompt_tokens)

    def whole(self, call_id: bytes, ask: Ask, plan: Plan, stamp: Stamp) -> bytes:
        """The JSON of an answer that isn't streamed."""
        message = _message(plan)
        body = _WHOLE % (
            call_id,
            time(),
            orjson.dumps(ask.model),
            message.before_stamp,
            stamp.text if plan.orders.stamp and not plan.orders.tool else b"",
            message.after_stamp,
            b',"usage":' + usage(ask, plan) if has_usage(ask, plan) else b"",
            _METADATA if plan.orders.metadata else b"",
            stamp.json,
        )
        return body[: len(body) // 2] if plan.orders.garble else body

    def stream(self, call_id: bytes, ask: Ask, plan: Plan) -> ChatStream:
        """A streamed answer."""
        return ChatStream(call_id, ask, plan)


def finish_reason(plan: Plan) -> bytes:
    if plan.orders.no_finish:
        return b"null"
    if plan.is_capped:
        return b'"length"'
    return b'"tool_calls"' if plan.orders.tool else b'"stop"'


def usage(ask: Ask, plan: Plan) -> bytes:
    completion = plan.tokens + plan.orders.reasoning
    return (
        b'{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d,'
        b'"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},'
        b'"completion_tokens_details":{"reasoning_tokens":%d,"audio_tokens":0,'
        b'"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}'
    ) % (ask.prompt_tokens, completion, ask.prompt_tokens + completion, plan.orders.reasoning)


def has_usage(ask: Ask, plan: Plan) -> bool:
    return ask.wants_usage if plan.orders.usage is None else plan.orders.usage


_WHOLE: Final = (
    b'{"id":"%b","object":"chat.completion","created":%d,"model":%b,"choices":[{"index":0,"message":%b%b%b}]%b%b,'
    b'"service_tier":"default","system_fingerprint":"fp_mock","mock":%b}'
)
_METADATA: Final = b',"metadata":{"provider":"mock","cached":false}'


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
    ending = b',"refusal":null},"logprobs":null,"finish_reason":%b' % finish_reason(plan)
    if orders.tool:
        function = {"name": TOOL_NAME, "arguments": all_arguments(plan.tokens)}
        calls = orjson.dumps([{"id": "call_mock", "type": "function", "function": function}])
        return _Message(b'{"role":"assistant","content":null,%b"tool_calls":%b' % (reasoning, calls), ending)
    text = words(0, plan.tokens).encode()
    return _Message(b'{"role":"assistant",%b"content":"%b' % (reasoning, text), b'"' + ending)


_TOOL_START: Final = (
    b'{"tool_calls":[{"index":0,"id":"call_mock","type":"function","function":{"arguments":"%b","name":"'
    + TOOL_NAME.encode()
    + b'"}}]}'
)
_DELTAS: Final = {
    Kind.TEXT: b'{"content":"%b"}',
    Kind.REASONING: b'{"reasoning_content":"%b"}',
    Kind.TOOL: b'{"tool_calls":[{"index":0,"function":{"arguments":"%b"}}]}',
}
# One delta a word, shared by all answers: the usual answer is a slice of this.
_CYCLE: Final = tuple(_DELTAS[Kind.TEXT] % word.encode() for word in WORDS)
_TEXT_DELTAS: Final = (_CYCLE * (MAX_TOKENS // len(_CYCLE) + 1))[:MAX_TOKENS]


@lru_cache(maxsize=64)  # by identity, as make_pieces is
def _deltas(plan: Plan) -> tuple[bytes, ...]:
    """The `delta` of each content chunk."""
    orders = plan.orders
    if orders.chunk_tokens == 1 and not orders.tool and not orders.reasoning:
        return _TEXT_DELTAS[: plan.tokens]
    return tuple(map(_delta, make_pieces(plan)))


def _delta(piece: Piece) -> bytes:
    return (_TOOL_START if piece.is_tool_start else _DELTAS[piece.kind]) % piece.text


class ChatStream:
    """Renders one streamed answer, event by event; knows nothing of time or sockets."""

    __slots__ = (
        "_after",
        "_before",
        "_comment",
        "_deltas",
        "_end",
        "_has_usage",
        "_plan",
        "_usage",
        "events",
        "pieces",
    )

    def __init__(self, call_id: bytes, ask: Ask, plan: Plan) -> None:
        self.pieces = make_pieces(plan)
        self._deltas = _deltas(plan)
        self.events = 0  # rendered so far, comments not counted
        self._plan = plan
        self._end = b"\r\n\r\n" if plan.orders.crlf else b"\n\n"
        self._comment = b": mock processing" + self._end if plan.orders.comment else b""
        self._has_usage = has_usage(ask, plan)
        self._usage = usage(ask, plan)
        # What precedes the choices, and what follows the delta of a chunk that doesn't finish.
        self._before = (
            b'data: {"id":"%b","object":"chat.completion.chunk","created":%d,"model":%b,'
            b'"service_tier":"default","system_fingerprint":"fp_mock","choices":['
        ) % (call_id, time(), orjson.dumps(ask.model))
        no_usage = b',"usage":null' if self._has_usage else b""
        self._after = b',"logprobs":null,"finish_reason":null}]%b}%b' % (no_usage, self._end)

    def opening(self) -> bytes:
        """What can be sent before there is any content."""
        if not self._plan.orders.role_chunk:
            return self._comment
        return self._chunk(b'{"role":"assistant","content":"","refusal":null}')

    def content(self, index: int, stamp: Stamp | None) -> bytes:
        """The content chunk at `index`; a stamp goes at the end of its text, if it is text."""
        delta = self._deltas[index]
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
            last = b',"usage":null' if self._has_usage else mock
            events.append(
                b'%b{"index":0,"delta":{},"logprobs":null,"finish_reason":%b}]%b}'
                % (self._before, finish_reason(self._plan), last)
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
