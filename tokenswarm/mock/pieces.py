"""How an answer is cut into content chunks: text, reasoning, or the parts of a tool call."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Final

import orjson

from tokenswarm.mock.provider import Plan
from tokenswarm.mock.text import MAX_TOKENS, WORDS, words

TOOL_NAME: Final = "note"


class Kind(Enum):
    """What a content chunk holds."""

    TEXT = "text"
    REASONING = "reasoning"
    TOOL = "tool"


@dataclass(frozen=True, slots=True)
class Piece:
    """One content chunk; `text` is escaped as inside a JSON string.

    A tool call's text is a part of its arguments; the first piece of it also brings the function's name.
    """

    kind: Kind
    text: bytes
    tokens: int
    is_tool_start: bool = False

    @property
    def is_reasoning(self) -> bool:
        return self.kind is Kind.REASONING


# One piece a word, shared by all answers: the usual answer is a slice of this.
_CYCLE: Final = tuple(Piece(Kind.TEXT, word.encode(), 1) for word in WORDS)
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
        visible = _word_pieces(Kind.TEXT, plan.tokens, size)
    if not orders.reasoning:
        return visible
    return _word_pieces(Kind.REASONING, orders.reasoning, size) + visible


def all_arguments(tokens: int) -> str:
    """The arguments of the tool call in one piece."""
    return orjson.dumps({"text": words(0, tokens)}).decode()


def escaped(text: str) -> bytes:
    """The text as it stands inside a JSON string."""
    return orjson.dumps(text)[1:-1]


def _word_pieces(kind: Kind, tokens: int, size: int) -> tuple[Piece, ...]:
    return tuple(Piece(kind, words(start, end).encode(), end - start) for start, end in _spans(tokens, size))


def _spans(tokens: int, size: int) -> list[tuple[int, int]]:
    return [(start, min(start + size, tokens)) for start in range(0, tokens, size)]


def _tool_pieces(tokens: int, size: int) -> tuple[Piece, ...]:
    """The function's name comes first, then the JSON of its arguments, piece by piece."""
    spans = _spans(tokens, size)
    return tuple(
        Piece(Kind.TOOL, escaped(_arguments(index, len(spans), start, end)), end - start, index == 0)
        for index, (start, end) in enumerate(spans)
    )


def _arguments(index: int, count: int, start: int, end: int) -> str:
    if count == 1:
        return all_arguments(end)
    if index == 0:
        return ""
    opening = '{"text":"' if index == 1 else ""
    closing = '"}' if index == count - 1 else ""
    return f"{opening}{words(start, end)}{closing}"
