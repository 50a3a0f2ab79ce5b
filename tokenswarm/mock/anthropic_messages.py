"""The Anthropic Messages dialect, the provider's side: reads requests, renders messages and events."""

from __future__ import annotations

from typing import Any, Final

import orjson

from tokenswarm.mock.anthropic_error import STREAM_ERROR, error_body
from tokenswarm.mock.anthropic_head import anthropic_head
from tokenswarm.mock.ask import Ask, content_chars, read_object, tokens_of
from tokenswarm.mock.connection import Request
from tokenswarm.mock.named_events import NamedEvents, garbled, is_garbled
from tokenswarm.mock.orders import Orders
from tokenswarm.mock.pieces import TOOL_NAME, Kind, all_arguments, make_pieces
from tokenswarm.mock.provider import Plan
from tokenswarm.mock.refusal import Refusal
from tokenswarm.mock.stamp import Stamp
from tokenswarm.mock.text import words

_SIGNATURE: Final = b"bW9jaw=="


class AnthropicMessages:
    """`POST /v1/messages`."""

    id_prefix = b"msg_"
    is_text = True
    head = staticmethod(anthropic_head)
    error = staticmethod(error_body)

    def fit(self, orders: Orders) -> Orders:
        """All orders can be followed."""
        return orders

    def read(self, request: Request) -> Ask | Refusal:
        """The request, or what is wrong with it."""
        data = read_object(request.body)
        if isinstance(data, Refusal):
            return data
        if not any(name == b"anthropic-version" for name, _ in request.headers):
            return Refusal(400, "anthropic-version: header is required")
        for field, wanted in _WANTED.items():
            if field not in data:
                return Refusal(400, f"{field}: Field required")
            if not isinstance(data[field], wanted) or not data[field]:
                return Refusal(400, f"{field}: Input should be a {wanted.__name__}, and not empty")
        if data["max_tokens"] < 1:
            return Refusal(400, "max_tokens: Input should be greater than or equal to 1")
        stream = data.get("stream", False)
        if not isinstance(stream, bool):
            return Refusal(400, "stream: Input should be a valid boolean")
        system = {"content": data.get("system")}
        chars = sum(map(content_chars, [system, *data["messages"]]))
        return Ask(data["model"], stream, True, data["max_tokens"], tokens_of(chars))

    def whole(self, call_id: bytes, ask: Ask, plan: Plan, stamp: Stamp) -> bytes:
        """The JSON of an answer that isn't streamed."""
        usage = b',"usage":' + _usage(ask, plan) if _has_usage(plan) else b""
        body = (
            b'{"id":"%b","type":"message","role":"assistant","model":%b,"content":%b,'
            b'"stop_reason":%b,"stop_sequence":null%b,"mock":%b}'
        ) % (
            call_id,
            orjson.dumps(ask.model),
            orjson.dumps(_content(plan, stamp)),
            _stop_reason(plan),
            usage,
            stamp.json,
        )
        return garbled(body) if plan.orders.garble else body

    def stream(self, call_id: bytes, ask: Ask, plan: Plan) -> MessageStream:
        """A streamed answer."""
        return MessageStream(call_id, ask, plan)


_WANTED: Final = {"model": str, "messages": list, "max_tokens": int}
# How a block of each kind begins, and the delta that carries its content.
_BLOCKS: Final = {
    Kind.TEXT: b'{"type":"text","text":""}',
    Kind.REASONING: b'{"type":"thinking","thinking":"","signature":""}',
    Kind.TOOL: b'{"type":"tool_use","id":"toolu_mock","name":"%b","input":{}}' % TOOL_NAME.encode(),
}
_DELTAS: Final = {
    Kind.TEXT: b'{"type":"text_delta","text":"%b"}',
    Kind.REASONING: b'{"type":"thinking_delta","thinking":"%b"}',
    Kind.TOOL: b'{"type":"input_json_delta","partial_json":"%b"}',
}


class MessageStream:
    """Renders one streamed answer, event by event."""

    __slots__ = ("_ask", "_block", "_call_id", "_frames", "_kind", "_plan", "pieces")

    def __init__(self, call_id: bytes, ask: Ask, plan: Plan) -> None:
        self.pieces = make_pieces(plan)
        self._call_id = call_id
        self._ask = ask
        self._plan = plan
        self._frames = NamedEvents(plan.orders)
        self._block = -1  # index of the block under way …
        self._kind: Kind | None = None  # … and what it holds

    @property
    def events(self) -> int:
        return self._frames.count

    def opening(self) -> bytes:
        """What can be sent before there is any content; a tool's block says its name, which is content."""
        return self._open_message() if self._plan.orders.role_chunk else b""

    def content(self, index: int, stamp: Stamp | None) -> bytes:
        """The content chunk at `index`, with the ends and beginnings of blocks before it."""
        piece = self.pieces[index]
        before = b""
        if index == 0 and not self._plan.orders.role_chunk:
            before = self._open_message()
        if piece.kind is not self._kind:
            before += self._close_block() + self._open_block(piece.kind)
        if piece.is_tool_start and not piece.text:
            return before
        text = piece.text
        if stamp is not None and piece.kind is Kind.TEXT:
            text += stamp.text
        return before + self._delta(
            _DELTAS[piece.kind] % text, is_garbled=is_garbled(self._plan.orders, index, len(self.pieces))
        )

    def ending(self, stamp: Stamp) -> bytes:
        """The last block's end, why it stopped and the tokens, and message_stop."""
        ending = self._close_block()
        if not self._plan.orders.no_finish:
            usage = b',"usage":{"output_tokens":%d}' % _output(self._plan) if _has_usage(self._plan) else b""
            ending += self._frames.framed(
                b"message_delta",
                b'{"type":"message_delta","delta":{"stop_reason":%b,"stop_sequence":null}%b,"mock":%b}'
                % (_stop_reason(self._plan), usage, stamp.json),
            )
        return ending + self._stop()

    def error(self) -> bytes:
        """The error event that takes the place of the rest."""
        error = self._frames.framed(b"error", STREAM_ERROR)
        return error + self._stop() if self._plan.orders.error_done else error

    def _open_message(self) -> bytes:
        usage = b',"usage":' + _usage(self._ask, self._plan, 1) if _has_usage(self._plan) else b""
        start = self._frames.framed(
            b"message_start",
            b'{"type":"message_start","message":{"id":"%b","type":"message","role":"assistant","model":%b,'
            b'"content":[],"stop_reason":null,"stop_sequence":null%b}}'
            % (self._call_id, orjson.dumps(self._ask.model), usage),
        )
        kind = self.pieces[0].kind
        block = b"" if kind is Kind.TOOL else self._open_block(kind)
        return start + block + self._frames.framed(b"ping", b'{"type":"ping"}')

    def _open_block(self, kind: Kind) -> bytes:
        self._block += 1
        self._kind = kind
        return self._frames.framed(
            b"content_block_start",
            b'{"type":"content_block_start","index":%d,"content_block":%b}' % (self._block, _BLOCKS[kind]),
        )

    def _close_block(self) -> bytes:
        if self._kind is None:
            return b""
        signature = b""
        if self._kind is Kind.REASONING:
            signature = self._delta(b'{"type":"signature_delta","signature":"%b"}' % _SIGNATURE)
        self._kind = None
        stop = b'{"type":"content_block_stop","index":%d}' % self._block
        return signature + self._frames.framed(b"content_block_stop", stop)

    def _delta(self, delta: bytes, *, is_garbled: bool = False) -> bytes:
        data = b'{"type":"content_block_delta","index":%d,"delta":%b}' % (self._block, delta)
        return self._frames.framed(b"content_block_delta", garbled(data) if is_garbled else data)

    def _stop(self) -> bytes:
        return self._frames.framed(b"message_stop", b'{"type":"message_stop"}')


def _content(plan: Plan, stamp: Stamp) -> list[dict[str, Any]]:
    orders = plan.orders
    blocks: list[dict[str, Any]] = []
    if orders.reasoning:
        thinking = words(0, orders.reasoning)
        blocks.append({"type": "thinking", "thinking": thinking, "signature": _SIGNATURE.decode()})
    if orders.tool:
        arguments = orjson.loads(all_arguments(plan.tokens))
        return [*blocks, {"type": "tool_use", "id": "toolu_mock", "name": TOOL_NAME, "input": arguments}]
    text = words(0, plan.tokens) + (stamp.text.decode() if orders.stamp else "")
    return [*blocks, {"type": "text", "text": text}]


def _stop_reason(plan: Plan) -> bytes:
    if plan.orders.no_finish:
        return b"null"
    if plan.is_capped:
        return b'"max_tokens"'
    return b'"tool_use"' if plan.orders.tool else b'"end_turn"'


def _has_usage(plan: Plan) -> bool:
    return plan.orders.usage is not False


def _output(plan: Plan) -> int:
    return plan.tokens + plan.orders.reasoning


def _usage(ask: Ask, plan: Plan, output: int | None = None) -> bytes:
    return (
        b'{"input_tokens":%d,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":%d}'
        % (ask.prompt_tokens, _output(plan) if output is None else output)
    )
