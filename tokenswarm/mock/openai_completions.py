"""The dialect of OpenAI's older completions, the provider's side: reads requests, renders text and chunks."""

from __future__ import annotations

from dataclasses import replace
from time import time

import orjson

from tokenswarm.mock.ask import BAD_LIMIT, Ask, is_limit, read_openai, tokens_of
from tokenswarm.mock.connection import Request
from tokenswarm.mock.named_events import garbled, is_garbled
from tokenswarm.mock.openai_chat import finish_reason, has_usage, usage
from tokenswarm.mock.openai_error import STREAM_ERROR, error_body
from tokenswarm.mock.openai_head import openai_head
from tokenswarm.mock.orders import Orders
from tokenswarm.mock.pieces import make_pieces
from tokenswarm.mock.provider import Plan
from tokenswarm.mock.refusal import Refusal
from tokenswarm.mock.stamp import Stamp
from tokenswarm.mock.text import words


class OpenAICompletions:
    """`POST /v1/completions`."""

    id_prefix = b"cmpl-"
    is_text = True
    head = staticmethod(openai_head)
    error = staticmethod(error_body)

    def fit(self, orders: Orders) -> Orders:
        """It neither reasons nor calls tools."""
        return replace(orders, reasoning=0, tool=False) if orders.reasoning or orders.tool else orders

    def read(self, request: Request) -> Ask | Refusal:
        """The request, or what is wrong with it."""
        data = read_openai(request.body)
        if isinstance(data, Refusal):
            return data
        max_tokens = data.get("max_tokens")
        if max_tokens is not None and not is_limit(max_tokens):
            return BAD_LIMIT
        prompt, stream = data.get("prompt"), data.get("stream")
        if not isinstance(prompt, str):
            return Refusal(400, "'prompt' must be a string", param="prompt")
        options = data.get("stream_options")
        wants_usage = not stream or (isinstance(options, dict) and options.get("include_usage") is True)
        return Ask(data["model"], bool(stream), wants_usage, max_tokens, tokens_of(len(prompt)))

    def whole(self, call_id: bytes, ask: Ask, plan: Plan, stamp: Stamp) -> bytes:
        """The JSON of an answer that isn't streamed."""
        text = words(0, plan.tokens).encode() + (stamp.text if plan.orders.stamp else b"")
        counts = b',"usage":' + usage(ask, plan) if has_usage(ask, plan) else b""
        body = b'%b%b],"mock":%b%b}' % (
            _before(call_id, ask),
            _choice(text, finish_reason(plan)),
            stamp.json,
            counts,
        )
        return garbled(body) if plan.orders.garble else body

    def stream(self, call_id: bytes, ask: Ask, plan: Plan) -> CompletionStream:
        """A streamed answer."""
        return CompletionStream(call_id, ask, plan)


class CompletionStream:
    """Renders one streamed answer, event by event."""

    __slots__ = ("_ask", "_before", "_comment", "_end", "_plan", "events", "pieces")

    def __init__(self, call_id: bytes, ask: Ask, plan: Plan) -> None:
        self.pieces = make_pieces(plan)
        self.events = 0
        self._ask = ask
        self._plan = plan
        self._end = b"\r\n\r\n" if plan.orders.crlf else b"\n\n"
        self._comment = b": mock processing" + self._end if plan.orders.comment else b""
        self._before = _before(call_id, ask)

    def opening(self) -> bytes:
        """Nothing: a completion has no role to begin with."""
        return b""

    def content(self, index: int, stamp: Stamp | None) -> bytes:
        """The content chunk at `index`, with the stamp at its end."""
        text = self.pieces[index].text + (stamp.text if stamp is not None else b"")
        chunk = b"%b%b]}" % (self._before, _choice(text, b"null"))
        return self._framed(
            garbled(chunk) if is_garbled(self._plan.orders, index, len(self.pieces)) else chunk
        )

    def ending(self, stamp: Stamp) -> bytes:
        """Finish reason, usage if it was asked for, and `[DONE]`; the last chunk of JSON bears the stamp."""
        mock = b',"mock":' + stamp.json
        is_counted = has_usage(self._ask, self._plan)
        ending = b""
        if not self._plan.orders.no_finish:
            choice = _choice(b"", finish_reason(self._plan))
            ending += self._framed(b"%b%b]%b}" % (self._before, choice, b"" if is_counted else mock))
        if is_counted:
            ending += self._framed(b'%b],"usage":%b%b}' % (self._before, usage(self._ask, self._plan), mock))
        return ending + self._framed(b"[DONE]")

    def error(self) -> bytes:
        """The error event that takes the place of the rest."""
        error = self._framed(STREAM_ERROR)
        return error + self._framed(b"[DONE]") if self._plan.orders.error_done else error

    def _framed(self, data: bytes) -> bytes:
        self.events += 1
        return b"%bdata: %b%b" % (self._comment, data, self._end)


def _before(call_id: bytes, ask: Ask) -> bytes:
    return b'{"id":"%b","object":"text_completion","created":%d,"model":%b,"choices":[' % (
        call_id,
        time(),
        orjson.dumps(ask.model),
    )


def _choice(text: bytes, reason: bytes) -> bytes:
    return b'{"index":0,"text":"%b","logprobs":null,"finish_reason":%b}' % (text, reason)
