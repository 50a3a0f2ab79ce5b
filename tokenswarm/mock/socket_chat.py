"""The plainest chat over a WebSocket, at `/ws`.

─►  {"prompt": …, "model": …, "max_tokens": …}                 all but the prompt may be left out
◄─  {"type": "token", "text": …}                               any number
◄─  {"type": "done", "finish_reason": …, "usage": {…}}         or {"type": "error", "message": …, "code": …}
"""

from __future__ import annotations

import orjson

from tokenswarm.mock.ask import Ask, read_object, tokens_of
from tokenswarm.mock.connection import Request
from tokenswarm.mock.openai_chat import finish_reason, has_usage
from tokenswarm.mock.openai_error import error_body
from tokenswarm.mock.openai_head import openai_head
from tokenswarm.mock.orders import Orders
from tokenswarm.mock.pieces import Piece
from tokenswarm.mock.provider import Plan
from tokenswarm.mock.refusal import Refusal
from tokenswarm.mock.socket_stream import SocketStream, without_reasoning
from tokenswarm.mock.stamp import Stamp

DEFAULT_MODEL = "mock"


class SocketChat:
    """One connection to `/ws`: a dialect of the gateway's."""

    id_prefix = b"wschat-"
    is_text = True
    head = staticmethod(openai_head)
    model = DEFAULT_MODEL  # whose orders are the connection's own

    def fit(self, orders: Orders) -> Orders:
        """There is no reasoning on a WebSocket."""
        return without_reasoning(orders)

    def greeting(self) -> list[bytes]:
        """The client speaks first."""
        return []

    def reply(self, message: bytes) -> list[bytes] | None:
        """None: every message is a call."""
        del message
        return None

    def read(self, request: Request) -> Ask | Refusal:
        """The request, or what is wrong with it."""
        data = read_object(request.body)
        if isinstance(data, Refusal):
            return data
        prompt, model, max_tokens = data.get("prompt"), data.get("model"), data.get("max_tokens")
        if not isinstance(prompt, str) or not prompt:
            return Refusal(400, "'prompt' must be text", param="prompt")
        if model is not None and not isinstance(model, str):
            return Refusal(400, "'model' must be text", param="model")
        if max_tokens is not None and (not isinstance(max_tokens, int) or max_tokens < 1):
            return Refusal(400, "'max_tokens' must be a whole number ≥ 1", param="max_tokens")
        return Ask(model or DEFAULT_MODEL, True, True, max_tokens, tokens_of(len(prompt)))

    def whole(self, call_id: bytes, ask: Ask, plan: Plan, stamp: Stamp) -> bytes:
        """Never asked for: `read` says that every call streams."""
        raise NotImplementedError

    def stream(self, call_id: bytes, ask: Ask, plan: Plan) -> SocketStream:
        """An answer."""
        del call_id
        return SocketStream(_ChatScript(ask, plan), plan)

    def error(self, refusal: Refusal) -> bytes:
        """The message that takes an answer's place."""
        said = orjson.loads(error_body(refusal))["error"]
        return orjson.dumps({"type": "error", "message": said["message"], "code": refusal.status})


class _ChatScript:
    def __init__(self, ask: Ask, plan: Plan) -> None:
        self._ask = ask
        self._plan = plan

    def opening(self) -> list[bytes]:
        return []

    def delta(self, piece: Piece, stamp: bytes) -> bytes:
        return b'{"type":"token","text":"%b%b"}' % (piece.text, stamp)

    def ending(self, stamp: Stamp) -> list[bytes]:
        ask, plan = self._ask, self._plan
        usage = b""
        if has_usage(ask, plan):
            counts = (ask.prompt_tokens, plan.tokens + plan.orders.reasoning)
            usage = b',"usage":{"input_tokens":%d,"output_tokens":%d}' % counts
        if plan.orders.no_finish:
            return []
        return [b'{"type":"done","finish_reason":%b%b,"mock":%b}' % (finish_reason(plan), usage, stamp.json)]

    def error(self) -> bytes:
        return b'{"type":"error","message":"The upstream failed in mid-stream.","code":500}'
