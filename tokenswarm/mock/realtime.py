"""OpenAI's Realtime API, the provider's side: `/v1/realtime?model=…`, text only, both generations.

    ◄─ session.created
    ─► session.update            ◄─ session.updated
    ─► conversation.item.create  ◄─ conversation.item.added, .done      (beta: .created)
    ─► response.create           ◄─ response.created … response.done    or error

The header `OpenAI-Beta: realtime=v1` asks for the beta's names.
"""

from __future__ import annotations

from itertools import count
from typing import Any, Final

import orjson

from tokenswarm.mock.ask import Ask, content_chars, read_object, tokens_of
from tokenswarm.mock.connection import Request
from tokenswarm.mock.openai_chat import has_usage
from tokenswarm.mock.openai_error import error_body
from tokenswarm.mock.openai_head import openai_head
from tokenswarm.mock.orders import Orders
from tokenswarm.mock.pieces import TOOL_NAME, Piece
from tokenswarm.mock.provider import Plan
from tokenswarm.mock.refusal import Refusal
from tokenswarm.mock.socket_stream import SocketStream, without_reasoning
from tokenswarm.mock.stamp import Stamp

_TEXT: Final = {False: b"response.output_text", True: b"response.text"}
_PART: Final = {False: b"output_text", True: b"text"}
_ARGUMENTS: Final = b"response.function_call_arguments"


class RealtimeChat:
    """One connection: a dialect of the gateway's, with a memory of what was said to it."""

    id_prefix = b"resp_"
    is_text = True
    head = staticmethod(openai_head)

    def __init__(self, model: str, *, is_beta: bool) -> None:
        self.model = model
        self._is_beta = is_beta
        self._said_chars = 0
        self._numbers = count(1)

    def fit(self, orders: Orders) -> Orders:
        """There is no reasoning on a WebSocket."""
        return without_reasoning(orders)

    def greeting(self) -> list[bytes]:
        """What comes first on the connection."""
        return [self._event("session.created", session=self._session())]

    def reply(self, message: bytes) -> list[bytes] | None:
        """What is said to a message that asks for no answer of the model; None for one that does."""
        data = read_object(message)
        if isinstance(data, Refusal):
            return [self.error(data)]
        kind = data.get("type")
        if kind == "response.create":
            return None
        if kind == "session.update":
            return [self._event("session.updated", session=self._session())]
        if kind == "conversation.item.create":
            item = data.get("item")
            self._said_chars += content_chars(item)
            names = ("created",) if self._is_beta else ("added", "done")
            return [self._event(f"conversation.item.{name}", item=item) for name in names]
        return [self.error(Refusal(400, f"Unknown event type: {kind}.", code="invalid_value", param="type"))]

    def read(self, request: Request) -> Ask | Refusal:
        """What `response.create` asks for, or what is wrong with it."""
        if not self.model:
            return Refusal(400, "you must provide a model parameter", param="model")
        data = read_object(request.body or b"{}")
        if isinstance(data, Refusal):
            return data
        asked = data.get("response") or {}
        if not isinstance(asked, dict):
            return Refusal(400, "'response' must be an object", param="response")
        max_tokens = asked.get("max_response_output_tokens" if self._is_beta else "max_output_tokens")
        if max_tokens == "inf":
            max_tokens = None
        if max_tokens is not None and (not isinstance(max_tokens, int) or max_tokens < 1):
            return Refusal(400, "the most tokens must be a whole number ≥ 1", param="response")
        given = asked.get("input")
        chars = sum(map(content_chars, given)) if isinstance(given, list) else self._said_chars
        return Ask(self.model, True, True, max_tokens, tokens_of(chars))

    def whole(self, call_id: bytes, ask: Ask, plan: Plan, stamp: Stamp) -> bytes:
        """Never asked for: `read` says that every call streams."""
        raise NotImplementedError

    def stream(self, call_id: bytes, ask: Ask, plan: Plan) -> SocketStream:
        """An answer."""
        return SocketStream(_ResponseScript(call_id, ask, plan, is_beta=self._is_beta), plan)

    def error(self, refusal: Refusal) -> bytes:
        """The event that takes an answer's place."""
        error = {**orjson.loads(error_body(refusal))["error"], "event_id": None}
        return self._event("error", error=error)

    def _session(self) -> dict[str, Any]:
        session: dict[str, Any] = {"object": "realtime.session", "id": "sess_mock", "model": self.model}
        return session | (
            {"modalities": ["text"]} if self._is_beta else {"type": "realtime", "output_modalities": ["text"]}
        )

    def _event(self, kind: str, **fields: Any) -> bytes:
        return orjson.dumps({"type": kind, "event_id": f"event_{next(self._numbers)}", **fields})


class _ResponseScript:
    """The events of one response."""

    def __init__(self, call_id: bytes, ask: Ask, plan: Plan, *, is_beta: bool) -> None:
        self._id = call_id
        self._ask = ask
        self._plan = plan
        self._numbers = count(1)
        is_tool = plan.orders.tool
        self._name = _ARGUMENTS if is_tool else _TEXT[is_beta]
        self._item = (
            b'{"id":"item_%b","object":"realtime.item","type":"function_call","name":"%b","call_id":"call_mock"}'
            % (call_id, TOOL_NAME.encode())
            if is_tool
            else b'{"id":"item_%b","object":"realtime.item","type":"message","role":"assistant","content":[]}'
            % call_id
        )
        self._part = b'{"type":"%b","text":""}' % _PART[is_beta]

    def opening(self) -> list[bytes]:
        events = [
            self._event(b"response.created", b'"response":%b' % self._response(b"in_progress", b"null", b"")),
            self._event(b"response.output_item.added", b'"output_index":0,"item":%b' % self._item),
        ]
        if not self._plan.orders.tool:
            events.append(self._of_part(b"response.content_part.added", b'"part":%b' % self._part))
        return events

    def delta(self, piece: Piece, stamp: bytes) -> bytes:
        return self._of_part(self._name + b".delta", b'"delta":"%b%b"' % (piece.text, stamp))

    def ending(self, stamp: Stamp) -> list[bytes]:
        events = [self._of_part(self._name + b".done", b'"text":""')]
        if not self._plan.orders.tool:
            events.append(self._of_part(b"response.content_part.done", b'"part":%b' % self._part))
        events.append(self._event(b"response.output_item.done", b'"output_index":0,"item":%b' % self._item))
        status, details = b"completed", b"null"
        if self._plan.orders.no_finish:
            status, details = b"cancelled", b'{"type":"cancelled","reason":"client_cancelled"}'
        elif self._plan.is_capped:
            status, details = b"incomplete", b'{"type":"incomplete","reason":"max_output_tokens"}'
        response = self._response(status, details, self._usage())
        events.append(self._event(b"response.done", b'"response":%b,"mock":%b' % (response, stamp.json)))
        return events

    def error(self) -> bytes:
        return self._event(
            b"error",
            b'"error":{"type":"server_error","code":"500","message":"The upstream failed in mid-stream."}',
        )

    def _usage(self) -> bytes:
        ask, plan = self._ask, self._plan
        if not has_usage(ask, plan):
            return b""
        tokens = plan.tokens + plan.orders.reasoning
        return (
            b',"usage":{"total_tokens":%d,"input_tokens":%d,"output_tokens":%d,'
            b'"input_token_details":{"text_tokens":%d,"audio_tokens":0,"cached_tokens":0},'
            b'"output_token_details":{"text_tokens":%d,"audio_tokens":0}}'
        ) % (ask.prompt_tokens + tokens, ask.prompt_tokens, tokens, ask.prompt_tokens, tokens)

    def _response(self, status: bytes, details: bytes, usage: bytes) -> bytes:
        return b'{"object":"realtime.response","id":"%b","status":"%b","status_details":%b,"output":[]%b}' % (
            self._id,
            status,
            details,
            usage,
        )

    def _of_part(self, kind: bytes, fields: bytes) -> bytes:
        place = b'"response_id":"%b","item_id":"item_%b","output_index":0,"content_index":0,' % (
            self._id,
            self._id,
        )
        return self._event(kind, place + fields)

    def _event(self, kind: bytes, fields: bytes) -> bytes:
        return b'{"type":"%b","event_id":"event_%b_%d",%b}' % (kind, self._id, next(self._numbers), fields)
