"""The shape of a JSON value, for complaints about it.

Keys and types but no values: calls that fail in the same way give the same text, so a report can
count them together, and nothing of what the server said leaks into it.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from types import MappingProxyType
from typing import Final

_TYPES: Final[Mapping[type, str]] = MappingProxyType(
    {str: "string", int: "number", float: "number", bool: "boolean", type(None): "null"}
)
_DEPTH: Final = 4  # choices → choice → delta → its fields
_KEYS: Final = 12


def outline(value: object, depth: int = _DEPTH) -> str:
    """`{choices: [{index: number, delta: string}]}`; a list is shown by its first item."""
    if isinstance(value, dict):
        if not depth:
            return "{…}" if value else "{}"
        shown = [f"{key[:40]}: {outline(inner, depth - 1)}" for key, inner in islice(value.items(), _KEYS)]
        more = ["…"] if len(value) > _KEYS else []
        return "{" + ", ".join(shown + more) + "}"
    if isinstance(value, list):
        if not depth:
            return "[…]" if value else "[]"
        return f"[{outline(value[0], depth - 1)}]" if value else "[]"
    return _TYPES[type(value)]
