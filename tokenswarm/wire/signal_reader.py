"""Reads what answers say of the gateway's work by rules, and counts how often each rule applied.

A cached answer repeats the headers of the call that it was stored from: of a hit, neither a provider nor
a fallback, an upstream time or a rate limit is believed.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeAlias

from tokenswarm.wire.json_path import steps_of
from tokenswarm.wire.kept_answer import KeptAnswer
from tokenswarm.wire.signal_rule import GIVES, HIT, UNITS, Rule, Yielded

# What only a successful answer can say; the rest is as true of a refusal.
_OF_SUCCESSES: Final = frozenset(
    {"cache", "cache_layer", "fell_back", "upstream_time", "overhead", "cost", "model"}
)
_LIMITS: Final = frozenset({"limit_requests", "remaining_requests", "limit_tokens", "remaining_tokens"})
_NOT_OF_HITS: Final = frozenset({"provider", "fell_back", "upstream_time", "overhead", *_LIMITS})
IMPLIED_MISS: Final = "implied_miss"  # beside a miss that only silence told
# Of so many answers the ids are remembered: a cache that repeats a later one's is not seen.
MAX_IDS: Final = 20_000


@dataclass(slots=True)
class AnswerSaid:
    """What rules may look at. `headers` have names in lower case; `body` None if it was not kept."""

    headers: Mapping[bytes, bytes]
    is_success: bool
    response_id: str = ""
    tokens: int | None = None  # input and output together, as the server counts; None if it doesn't
    body: KeptAnswer | None = None
    is_repeated: bool = False  # filled by the reader


class Applied(NamedTuple):
    """How often a rule decided, of how many answers that it was asked about."""

    matched: int
    asked: int


_Look: TypeAlias = Callable[[AnswerSaid], Yielded | None]


@dataclass(slots=True)
class _Tried:
    """A rule, ready to be asked, and its counts."""

    name: str
    is_implied_miss: bool
    look: _Look
    matched: int = 0
    asked: int = 0


class SignalReader:
    """The rules of one run in one process."""

    def __init__(self, rules: Iterable[Rule], max_ids: int = MAX_IDS) -> None:
        rules = tuple(rules)
        # By what they give, the cache first: whether the others are asked depends on it.
        self._groups = {
            gives: [
                _Tried(rule.name, rule.is_implied_miss, _look_of(rule))
                for rule in rules
                if rule.gives == gives
            ]
            for gives in GIVES
            if any(rule.gives == gives for rule in rules)
        }
        self.needs_body = any(rule.path for rule in rules)
        self._needs_ids = any(rule.body == "repeated_id" for rule in rules)
        self._ids: OrderedDict[str, None] = OrderedDict()
        self._max_ids = max_ids

    def read(self, said: AnswerSaid) -> dict[str, Yielded]:
        """What the answer says, by the names of GIVES; what it doesn't say is left out.

        IMPLIED_MISS is among them where a miss rests on silence.
        """
        if self._needs_ids and said.is_success and said.response_id:
            said.is_repeated = self._is_repeated(said.response_id)
        found: dict[str, Yielded] = {}
        for gives, rules in self._groups.items():
            if gives in _OF_SUCCESSES and not said.is_success:
                continue
            is_hit = found.get("cache") == HIT
            if gives in _NOT_OF_HITS if is_hit else gives == "cache_layer":
                continue
            for rule in rules:
                rule.asked += 1
                value = rule.look(said)
                if value is not None:
                    rule.matched += 1
                    found[gives] = value
                    if rule.is_implied_miss:
                        found[IMPLIED_MISS] = True
                    break
        return found

    def take_counts(self) -> dict[str, Applied]:
        """By the rule's name, how it went since the last time; rules that nobody asked are there too."""
        counts = {}
        for rule in (rule for rules in self._groups.values() for rule in rules):
            counts[rule.name] = Applied(rule.matched, rule.asked)
            rule.matched = rule.asked = 0
        return counts

    def _is_repeated(self, response_id: str) -> bool:
        ids = self._ids
        if response_id in ids:
            ids.move_to_end(response_id)
            return True
        ids[response_id] = None
        if len(ids) > self._max_ids:
            ids.popitem(last=False)
        return False


_BODY: Final[Mapping[str, Callable[[AnswerSaid], bool]]] = {
    "repeated_id": lambda said: said.is_repeated,
    "no_tokens": lambda said: said.tokens == 0,
    "some_tokens": lambda said: bool(said.tokens),
}


def _tried(rule: Rule) -> _Tried:
    return _Tried(rule.name, rule.is_implied_miss, _look_of(rule))


def _look_of(rule: Rule) -> _Look:
    understand = GIVES[rule.gives]
    per_s = UNITS[rule.unit]
    fixed = understand(rule.value, 1.0) if rule.value else None
    if rule.body:
        applies = _BODY[rule.body]
        return lambda said: fixed if applies(said) else None
    text_of = _header_text(rule.header) if rule.header else _path_text(rule)
    if rule.absent:
        return lambda said: fixed if text_of(said) is None else None
    search = re.compile(rule.matches).search if rule.matches else None

    def look(said: AnswerSaid) -> Yielded | None:
        text = text_of(said)
        if text is None:
            return None
        if search is not None:
            match = search(text)
            if match is None:
                return None
            text = match[1] if match.re.groups else text
        if fixed is not None:
            return fixed
        return None if text is None else understand(text, per_s)

    return look


def _header_text(header: str) -> Callable[[AnswerSaid], str | None]:
    name = header.lower().encode("latin-1")

    def text(said: AnswerSaid) -> str | None:
        raw = said.headers.get(name)
        return None if raw is None else raw.decode("latin-1").strip()

    return text


def _path_text(rule: Rule) -> Callable[[AnswerSaid], str | None]:
    steps, wanted = steps_of(rule.path), rule.equals

    def text(said: AnswerSaid) -> str | None:
        value = None if said.body is None else said.body.value_at(steps)
        if value is None or (wanted is not None and not _is_same(value, wanted)):
            return None
        return _shown(value)

    return text


def _is_same(value: Any, wanted: str | float | bool) -> bool:
    """Equal, and of one kind: in Python true is 1."""
    return bool(value == wanted) and isinstance(value, bool) == isinstance(wanted, bool)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else "…"
