"""Decoded JSON whose shape is found out by use.

To look at each field's type first would cost more than to read it. So who reads a document lets
Python complain: for JSON of another shape every reader raises one of WRONG_SHAPE, and nothing else.
"""

from __future__ import annotations

from typing import Any, Final

JsonObject = dict[str, Any]
WRONG_SHAPE: Final = (AttributeError, KeyError, TypeError)

_COSTS: Final = ("cost", "tensorzero_cost")  # LiteLLM and OpenRouter; TensorZero
COST_KEYS: Final = frozenset(_COSTS)


def count_in(said: JsonObject, key: str) -> int | None:
    """A count of tokens; None for anything that isn't one."""
    value = said.get(key)
    return value if type(value) is int else None


def detail_in(said: JsonObject, details: str, key: str) -> int | None:
    """A count inside a breakdown that may be absent or null."""
    broken_down = said.get(details)
    return count_in(broken_down, key) if broken_down else None


def cost_in(said: JsonObject) -> float | None:
    """What a gateway writes among the counts that the call has cost."""
    for key in _COSTS:
        value = said.get(key)
        if value is not None and type(value) in (int, float):
            return float(value)
    return None


def text_in(said: JsonObject, key: str) -> str:
    """Text that may be absent or null; TypeError if it is something else."""
    text: str = "" + (said.get(key) or "")
    return text
