"""The provider's own times, where it stamps them on its answers as our mock does.

    header x-mock-provider-ms            whole answers; LiteLLM hands it on as llm_provider-x-mock-provider-ms
    body field mock                      {"ttft_ms", "total_ms"}; in a stream in one of its last chunks
    the text's end                       [mock ttft_ms=50.123 total_ms=145.201]: comes through any gateway

The last of them is looked for in the end of the text only, TAIL_CHARS of it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from tokenswarm.wire.kept_answer import KeptAnswer

TAIL_CHARS: Final = 96
HEADER: Final = "header"
FIELD: Final = "field"
TEXT: Final = "text"

_HEADERS: Final = (b"x-mock-provider-ms", b"llm_provider-x-mock-provider-ms")
_STAMP: Final = re.compile(r"\[mock (?:ttft_ms=([0-9.]{1,20}) )?total_ms=([0-9.]{1,20})\]\s*\Z")
_LONGEST_S: Final = 86_400.0


class Stamp(NamedTuple):
    """Seconds from the provider having read the request; no first token unless it streamed."""

    ttft_s: float | None
    total_s: float


def _in_header(headers: Mapping[bytes, bytes], _body: KeptAnswer | None, _tail: str) -> Stamp | None:
    for name in _HEADERS:
        if name in headers:
            total_s = _seconds(headers[name])
            return None if total_s is None else Stamp(None, total_s)
    return None


def _in_field(_headers: Mapping[bytes, bytes], body: KeptAnswer | None, _tail: str) -> Stamp | None:
    said = None if body is None else body.value_at(("mock",))
    if not isinstance(said, dict):
        return None
    total_s = _seconds(said.get("total_ms"))
    return None if total_s is None else Stamp(_seconds(said.get("ttft_ms")), total_s)


def _in_text(_headers: Mapping[bytes, bytes], _body: KeptAnswer | None, tail: str) -> Stamp | None:
    match = _STAMP.search(tail)
    total_s = None if match is None else _seconds(match[2])
    if match is None or total_s is None:
        return None
    return Stamp(_seconds(match[1]), total_s)


# The cheapest first.
_PLACES: Final[Mapping[str, Callable[[Mapping[bytes, bytes], KeptAnswer | None, str], Stamp | None]]] = {
    HEADER: _in_header,
    TEXT: _in_text,
    FIELD: _in_field,
}


def read_stamp(
    headers: Mapping[bytes, bytes], body: KeptAnswer | None, tail: str, place: str = ""
) -> tuple[str, Stamp] | None:
    """Where the stamp stands, and what it says; only that `place` is looked at, if one is given."""
    for name in (place,) if place else _PLACES:
        stamp = _PLACES[name](headers, body, tail)
        if stamp is not None:
            return name, stamp
    return None


def _seconds(ms: Any) -> float | None:
    try:
        seconds = float(ms) / 1000
    except (TypeError, ValueError):
        return None
    return seconds if math.isfinite(seconds) and 0 <= seconds <= _LONGEST_S else None
