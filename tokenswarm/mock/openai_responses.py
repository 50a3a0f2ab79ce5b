"""The OpenAI Responses dialect, the provider's side: reads requests, renders responses and events."""

from __future__ import annotations

from time import time
from typing import Final, NamedTuple

import orjson

from tokenswarm.mock.ask import BAD_LIMIT, Ask, content_chars, is_limit, read_openai, tokens_of
from tokenswarm.mock.connection import Request
from tokenswarm.mock.named_events import NamedEvents, garbled, is_garbled
from tokenswarm.mock.openai_error import error_body
from tokenswarm.mock.openai_head import openai_head
from tokenswarm.mock.orders import Orders
from tokenswarm.mock.pieces import TOOL_NAME, Kind, all_arguments, escaped, make_pieces
from tokenswarm.mock.provider import Plan
from tokenswarm.mock.refusal import Refusal
from tokenswarm.mock.stamp import Stamp
from tokenswarm.mock.text import words

_ERROR: Final = b'"code":"server_error","message":"The upstream failed in mid-stream."'


class OpenAIResponses:
    """`POST /v1/responses`."""

    id_prefix = b"resp_"
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
        max_tokens = data.get("max_output_tokens")
        if max_tokens is not None and not is_limit(max_tokens):
            return BAD_LIMIT
        given, system = data.get("input"), data.get("instructions")
        if not isinstance(given, str | list) or not given:
            return Refusal(400, "'input' must be text or a list of at least one item", param="input")
        items = [{"content": given}] if isinstance(given, str) else given
        chars = sum(map(content_chars, [{"content": system}, *items]))
        return Ask(data["model"], data.get("stream") is True, True, max_tokens, tokens_of(chars))

    def whole(self, call_id: bytes, ask: Ask, plan: Plan, stamp: Stamp) -> bytes:
        """The JSON of an answer that isn't streamed: what its stream ends with."""
        response = ResponseStream(call_id, ask, plan)
        if plan.orders.reasoning:
            response.add(Kind.REASONING, words(0, plan.orders.reasoning).encode())
        if plan.orders.tool:
            response.add(Kind.TOOL, escaped(all_arguments(plan.tokens)))
        else:
            text = words(0, plan.tokens).encode()
            response.add(Kind.TEXT, text + stamp.text if plan.orders.stamp else text)
        body = response.as_json(b"in_progress" if plan.orders.no_finish else _status(plan), stamp)
        return garbled(body) if plan.orders.garble else body

    def stream(self, call_id: bytes, ask: Ask, plan: Plan) -> ResponseStream:
        """A streamed answer."""
        return ResponseStream(call_id, ask, plan)


class _ItemKind(NamedTuple):
    """How an item of one kind is told: `%b` are its id and, in `whole`, what it says."""

    id_prefix: bytes
    begun: bytes
    place: bytes  # of its text within it
    part: bytes  # the part that the text stands in, before it has any; empty for none
    part_event: bytes
    text_event: bytes
    text_key: bytes
    whole: bytes


_CALL: Final = (
    b'{"id":"%%b","type":"function_call","status":"%b","call_id":"call_mock","name":"%b","arguments":"%b"}'
)
_MESSAGE: Final = b'{"id":"%%b","type":"message","status":"%b","role":"assistant","content":[%b]}'
_TEXT_PART: Final = b'{"type":"output_text","text":"%b","annotations":[]}'
_SUMMARY_PART: Final = b'{"type":"summary_text","text":"%b"}'
_ITEMS: Final = {
    Kind.TEXT: _ItemKind(
        b"msg_",
        _MESSAGE % (b"in_progress", b""),
        b',"content_index":0',
        _TEXT_PART,
        b"content_part",
        b"output_text",
        b"text",
        _MESSAGE % (b"completed", _TEXT_PART),
    ),
    Kind.REASONING: _ItemKind(
        b"rs_",
        b'{"id":"%b","type":"reasoning","summary":[]}',
        b',"summary_index":0',
        _SUMMARY_PART,
        b"reasoning_summary_part",
        b"reasoning_summary_text",
        b"text",
        b'{"id":"%%b","type":"reasoning","summary":[%b]}' % _SUMMARY_PART,
    ),
    Kind.TOOL: _ItemKind(
        b"fc_",
        _CALL % (b"in_progress", TOOL_NAME.encode(), b""),
        b"",
        b"",
        b"",
        b"function_call_arguments",
        b"arguments",
        _CALL % (b"completed", TOOL_NAME.encode(), b"%b"),
    ),
}


class ResponseStream:
    """Renders one streamed answer, event by event, and what all of it has said."""

    __slots__ = ("_ask", "_call_id", "_created", "_frames", "_kind", "_output", "_plan", "_said", "pieces")

    def __init__(self, call_id: bytes, ask: Ask, plan: Plan) -> None:
        self.pieces = make_pieces(plan)
        self._call_id = call_id
        self._ask = ask
        self._plan = plan
        self._frames = NamedEvents(plan.orders)
        self._created = int(time())
        self._output: list[bytes] = []  # items that are whole
        self._kind: Kind | None = None  # of the item under way
        self._said: list[bytes] = []  # by the item under way

    @property
    def events(self) -> int:
        return self._frames.count

    def opening(self) -> bytes:
        """What can be sent before there is any content; a tool's item says its name, which is content."""
        return self._open_response() if self._plan.orders.role_chunk else b""

    def content(self, index: int, stamp: Stamp | None) -> bytes:
        """The content chunk at `index`, with the ends and beginnings of items before it."""
        piece = self.pieces[index]
        before = b""
        if index == 0 and not self._plan.orders.role_chunk:
            before = self._open_response()
        if piece.kind is not self._kind:
            before += self._close_item() + self._open_item(piece.kind)
        if piece.is_tool_start and not piece.text:
            return before
        text = piece.text + (stamp.text if stamp is not None and piece.kind is Kind.TEXT else b"")
        self._said.append(text)
        return before + self._event(
            _ITEMS[piece.kind].text_event + b".delta",
            b'%b,"delta":"%b"' % (self._place(piece.kind), text),
            is_garbled=is_garbled(self._plan.orders, index, len(self.pieces)),
        )

    def ending(self, stamp: Stamp) -> bytes:
        """The last item's end, and the response as it is then; without it if there is to be no finish."""
        ending = self._close_item()
        if self._plan.orders.no_finish:
            return ending
        status = _status(self._plan)
        return ending + self._event(status, b'"response":' + self.as_json(status, stamp))

    def error(self) -> bytes:
        """The error event that takes the place of the rest."""
        number = self._frames.count
        data = b'{"type":"error","sequence_number":%d,%b,"param":null}' % (number, _ERROR)
        error = self._frames.framed(b"error", data)
        if not self._plan.orders.error_done:
            return error
        return error + self._event(b"failed", b'"response":' + self.as_json(b"failed", None))

    def add(self, kind: Kind, text: bytes) -> bytes:
        """A whole item that says this, for the response as it is at its end; also its JSON."""
        whole = _ITEMS[kind].whole % (self._item_id(kind), text)
        self._output.append(whole)
        return whole

    def as_json(self, status: bytes, stamp: Stamp | None) -> bytes:
        """The response object, with all items that are whole."""
        is_begun = status == b"in_progress" and not self._output
        usage = b"null" if is_begun or self._plan.orders.usage is False else _usage(self._ask, self._plan)
        return (
            b'{"id":"%b","object":"response","created_at":%d,"status":"%b","model":%b,"output":[%b],'
            b'"error":%b,"incomplete_details":%b,"usage":%b%b}'
        ) % (
            self._call_id,
            self._created,
            status,
            orjson.dumps(self._ask.model),
            b",".join(self._output),
            b"{%b}" % _ERROR if status == b"failed" else b"null",
            b'{"reason":"max_output_tokens"}' if status == b"incomplete" else b"null",
            usage,
            b"" if stamp is None else b',"mock":' + stamp.json,
        )

    def _open_response(self) -> bytes:
        response = b'"response":' + self.as_json(b"in_progress", None)
        begun = self._event(b"created", response) + self._event(b"in_progress", response)
        kind = self.pieces[0].kind
        return begun if kind is Kind.TOOL else begun + self._open_item(kind)

    def _open_item(self, kind: Kind) -> bytes:
        self._kind = kind
        self._said = []
        item = _ITEMS[kind]
        index = len(self._output)
        begun = self._event(
            b"output_item.added",
            b'"output_index":%d,"item":%b' % (index, item.begun % self._item_id(kind)),
        )
        if item.part:
            part = b'%b,"part":%b' % (self._place(kind), item.part % b"")
            begun += self._event(item.part_event + b".added", part)
        return begun

    def _close_item(self) -> bytes:
        kind = self._kind
        if kind is None:
            return b""
        self._kind = None
        item, text, place = _ITEMS[kind], b"".join(self._said), self._place(kind)
        ended = self._event(item.text_event + b".done", b'%b,"%b":"%b"' % (place, item.text_key, text))
        if item.part:
            ended += self._event(item.part_event + b".done", b'%b,"part":%b' % (place, item.part % text))
        index = len(self._output)
        whole = b'"output_index":%d,"item":%b' % (index, self.add(kind, text))
        return ended + self._event(b"output_item.done", whole)

    def _place(self, kind: Kind) -> bytes:
        item_id = self._item_id(kind)
        return b'"item_id":"%b","output_index":%d%b' % (item_id, len(self._output), _ITEMS[kind].place)

    def _item_id(self, kind: Kind) -> bytes:
        return _ITEMS[kind].id_prefix + self._call_id.removeprefix(OpenAIResponses.id_prefix)

    def _event(self, name: bytes, fields: bytes, *, is_garbled: bool = False) -> bytes:
        name = b"response." + name
        data = b'{"type":"%b","sequence_number":%d,%b}' % (name, self._frames.count, fields)
        return self._frames.framed(name, garbled(data) if is_garbled else data)


def _status(plan: Plan) -> bytes:
    return b"incomplete" if plan.is_capped else b"completed"


def _usage(ask: Ask, plan: Plan) -> bytes:
    output = plan.tokens + plan.orders.reasoning
    return (
        b'{"input_tokens":%d,"input_tokens_details":{"cached_tokens":0},"output_tokens":%d,'
        b'"output_tokens_details":{"reasoning_tokens":%d},"total_tokens":%d}'
    ) % (ask.prompt_tokens, output, plan.orders.reasoning, ask.prompt_tokens + output)
