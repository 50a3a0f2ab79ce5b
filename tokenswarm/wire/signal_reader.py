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
_MAX_KNOWN: Final = 256  # texts of a rule whose meaning is kept
_LONGEST_KNOWN: Final = 200


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
_Understand: TypeAlias = Callable[[str], Yielded | None]


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
        self.has_rules = bool(rules)
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
    fixed = GIVES[rule.gives](rule.value, 1.0) if rule.value else None
    if rule.body:
        applies = _BODY[rule.body]
        return lambda said: fixed if applies(said) else None
    understand = _understanding(rule, fixed)
    if rule.header:
        return _header_look(rule, fixed, understand)
    steps, wanted = steps_of(rule.path), rule.equals

    def look(said: AnswerSaid) -> Yielded | None:
        value = None if said.body is None else said.body.value_at(steps)
        if rule.absent:
            return fixed if value is None else None
        if value is None or (wanted is not None and not _is_same(value, wanted)):
            return None
        return understand(_shown(value))

    return look


def _header_look(rule: Rule, fixed: Yielded | None, understand: _Understand) -> _Look:
    name = rule.header.lower().encode("latin-1")
    if rule.absent:
        return lambda said: fixed if name not in said.headers else None
    # Most headers say one of a few things, again and again: `HIT`, `0`, a provider's name.
    known: dict[bytes, Yielded | None] = {}

    def look(said: AnswerSaid) -> Yielded | None:
        raw = said.headers.get(name)
        if raw is None:
            return None
        if raw in known:
            return known[raw]
        value = understand(raw.decode("latin-1").strip())
        if len(known) < _MAX_KNOWN and len(raw) <= _LONGEST_KNOWN:
            known[raw] = value
        return value

    return look


def _understanding(rule: Rule, fixed: Yielded | None) -> _Understand:
    """From a text that is there to what the rule yields; None if the text is not what it is about."""
    reads, per_s = GIVES[rule.gives], UNITS[rule.unit]
    search = re.compile(rule.matches).search if rule.matches else None
    wanted = None if rule.equals is None or rule.path else str(rule.equals)

    def understand(text: str) -> Yielded | None:
        if wanted is not None and text != wanted:
            return None
        found: str | None = text
        if search is not None:
            match = search(text)
            if match is None:
                return None
            found = match[1] if match.re.groups else text
        if fixed is not None:
            return fixed
        return None if found is None else reads(found, per_s)

    return understand


def _is_same(value: Any, wanted: str | float | bool) -> bool:
    """Equal, and of one kind: in Python true is 1."""
    return bool(value == wanted) and isinstance(value, bool) == isinstance(wanted, bool)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else "…"
