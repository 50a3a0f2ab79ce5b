"""How an answer is cut into content chunks: text, reasoning, or the pieces of a tool call."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import orjson

from tokenswarm.mock.provider import Plan
from tokenswarm.mock.text import MAX_TOKENS, WORDS, words

TOOL_NAME: Final = "note"


@dataclass(frozen=True, slots=True)
class Piece:
    """The `delta` of one content chunk, as JSON."""

    delta: bytes
    tokens: int
    is_reasoning: bool = False


# One piece a word, shared by all answers: the usual answer is a slice of this.
_CYCLE: Final = tuple(Piece(b'{"content":"%b"}' % word.encode(), 1) for word in WORDS)
_TEXT_PIECES: Final = (_CYCLE * (MAX_TOKENS // len(_CYCLE) + 1))[:MAX_TOKENS]


@lru_cache(maxsize=64)  # by identity: the same plan is played again and again when nothing is drawn
def make_pieces(plan: Plan) -> tuple[Piece, ...]:
    """The content chunks of one answer, in order."""
    orders = plan.orders
    size = orders.chunk_tokens
    if orders.tool:
        visible = _tool_pieces(plan.tokens, size)
    elif size == 1:
        visible = _TEXT_PIECES[: plan.tokens]
    else:
        visible = _word_pieces("content", plan.tokens, size)
    if not orders.reasoning:
        return visible
    return _word_pieces("reasoning_content", orders.reasoning, size, is_reasoning=True) + visible


def _word_pieces(key: str, tokens: int, size: int, *, is_reasoning: bool = False) -> tuple[Piece, ...]:
    return tuple(
        Piece(b'{"%b":"%b"}' % (key.encode(), words(start, end).encode()), end - start, is_reasoning)
        for start, end in _spans(tokens, size)
    )


def _spans(tokens: int, size: int) -> list[tuple[int, int]]:
    return [(start, min(start + size, tokens)) for start in range(0, tokens, size)]


def _tool_pieces(tokens: int, size: int) -> tuple[Piece, ...]:
    """The function's name comes first, then the JSON of its arguments, piece by piece."""
    spans = _spans(tokens, size)
    pieces = []
    for index, (start, end) in enumerate(spans):
        call: dict[str, object] = {"index": 0}
        function = {"arguments": _arguments(index, len(spans), start, end)}
        if index == 0:
            call |= {"id": "call_mock", "type": "function"}
            function["name"] = TOOL_NAME
        pieces.append(Piece(orjson.dumps({"tool_calls": [call | {"function": function}]}), end - start))
    return tuple(pieces)


def _arguments(index: int, count: int, start: int, end: int) -> str:
    if count == 1:
        return all_arguments(end)
    if index == 0:
        return ""
    opening = '{"text":"' if index == 1 else ""
    closing = '"}' if index == count - 1 else ""
    return f"{opening}{words(start, end)}{closing}"


def all_arguments(tokens: int) -> str:
    """The arguments of the tool call in one piece."""
    return orjson.dumps({"text": words(0, tokens)}).decode()
