"""A rule: what part of an answer says something of the gateway's work, and what it says.

    gives    what it is about, one of GIVES
    reads    header NAME, or path PLACE in the body or any event of a stream, or body WORD (one of BODY_WORDS)
    when     it is there; `matches` REGEX is found in its text; it `equals` a value; or it is `absent`
    yields   `value`, or else the regex's first group, or else the text itself; times in `unit`

Of the rules that give the same thing, the first one that applies decides.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from tokenswarm.wire.json_path import steps_of

Yielded = str | float | bool

HIT: Final = "hit"
MISS: Final = "miss"
# How many of them make a second.
UNITS: Final[Mapping[str, float]] = {"s": 1.0, "ms": 1e3, "us": 1e6}
BODY_WORDS: Final[Mapping[str, str]] = {
    "repeated_id": "its id was that of an earlier answer",
    "no_tokens": "its usage counts no token at all",
    "some_tokens": "its usage counts tokens",
}

_NUMBER: Final = re.compile(r"\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_LISTED: Final = re.compile(r"\s*[,:]\s*")
_LONGEST_S: Final = 86_400.0  # a day: what is more is no time that a call took
_YES_NO: Final[Mapping[str, bool]] = {"yes": True, "true": True, "no": False, "false": False}


def _text(text: str, _per_s: float) -> str | None:
    return text.strip() or None


def _cache(text: str, _per_s: float) -> str | None:
    text = text.strip().lower()
    return text if text in (HIT, MISS) else None


def _yes_no(text: str, _per_s: float) -> bool | None:
    return _YES_NO.get(text.strip().lower())


def _number(text: str, _per_s: float) -> float | None:
    return float(text) if _NUMBER.fullmatch(text.strip()) else None


def _time(text: str, per_s: float) -> float | None:
    """nginx lists one time for each upstream that it tried, `-` for one that it did not get to."""
    parts = [part for part in _LISTED.split(text.strip()) if part != "-"]
    if not parts or not all(map(_NUMBER.fullmatch, parts)):
        return None
    seconds = math.fsum(map(float, parts)) / per_s
    return seconds if seconds <= _LONGEST_S else None


# What rules can give → how its text is understood. Times become seconds.
GIVES: Final[Mapping[str, Callable[[str, float], Yielded | None]]] = {
    "cache": _cache,
    "cache_layer": _text,
    "provider": _text,
    "model": _text,
    "fell_back": _yes_no,
    "upstream_time": _time,
    "overhead": _time,
    "cost": _number,
    "request_id": _text,
    "limit_requests": _number,
    "remaining_requests": _number,
    "limit_tokens": _number,
    "remaining_tokens": _number,
}


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; exactly one of `header`, `path` and `body` is given. ValueError if it makes no sense."""

    gives: str
    header: str = ""
    path: str = ""
    body: str = ""
    matches: str = ""
    equals: str | float | bool | None = None
    absent: bool = False
    value: str = ""
    unit: str = "ms"

    def __post_init__(self) -> None:
        if self.gives not in GIVES:
            raise ValueError(f"gives: got {self.gives}, allowed: {', '.join(GIVES)}")
        if sum(map(bool, (self.header, self.path, self.body))) != 1:
            raise ValueError("need one of header, path and body, to say what to read")
        if sum((bool(self.matches), self.equals is not None, self.absent)) > 1:
            raise ValueError("matches, equals and absent exclude each other; keep one")
        if self.body and (self.matches or self.equals is not None or self.absent):
            raise ValueError("body has no text; take matches, equals or absent away")
        if (self.absent or self.body) and not self.value:
            raise ValueError("need a value: there is no text that could be one")
        if self.value and GIVES[self.gives](self.value, 1.0) is None:
            raise ValueError(f"value: got {self.value}, which is no {self.gives}{_allowed(self.gives)}")
        re.compile(self.matches)
        if self.path:
            steps_of(self.path)

    @property
    def is_implied_miss(self) -> bool:
        """Whether it takes silence for a miss: a gateway without a cache would look just the same."""
        return self.gives == "cache" and self.value == MISS and bool(self.absent or self.body)

    @property
    def reads(self) -> str:
        """What it reads, for people: `header x-cache`."""
        kind = "header" if self.header else "path" if self.path else "body"
        return f"{kind} {self.header or self.path or self.body}"

    @property
    def name(self) -> str:
        """The whole rule on one line, for people: `cache hit: header x-cache matches ^HIT`."""
        given = f"{self.gives} {self.value}".rstrip()
        when = ""
        if self.matches:
            when = f" matches {self.matches}"
        elif self.equals is not None:
            when = f" equals {str(self.equals).lower() if isinstance(self.equals, bool) else self.equals}"
        elif self.absent:
            when = " absent"
        return f"{given}: {self.reads}{when}"


def _allowed(gives: str) -> str:
    words = {"cache": "hit, miss", "fell_back": "yes, no"}.get(gives)
    return f", allowed: {words}" if words else ""
