"""Fills in what each answer says of the gateway's work, and counts which rules told it.

With `gateway: auto` each process decides by itself, by the first answers that it gets, which are read by what
they look like so far. The provider's own times are looked for on the first answers of each
kind of call, and from then on only where they were found.
"""

from __future__ import annotations

from typing import Final

from tokenswarm.metrics.call import GATEWAY, INTERRUPTED, CallRecord
from tokenswarm.metrics.collector import Collector
from tokenswarm.metrics.series import GATEWAY_FOUND, RULE_ASKED, RULE_MATCHED
from tokenswarm.profile.target import Target
from tokenswarm.transport.said import keep_body, said_in
from tokenswarm.wire.gateway_finder import Found, GatewayFinder
from tokenswarm.wire.gateway_signals import AUTO, NONE, PRESETS
from tokenswarm.wire.signal_reader import IMPLIED_MISS, AnswerSaid, SignalReader
from tokenswarm.wire.signal_rule import Yielded
from tokenswarm.wire.stamp import FIELD, TEXT, read_stamp

_STAMPLESS: Final = 20  # so many answers of a kind without a stamp, and no more are looked for
_COUNTS_EVERY_S: Final = 60.0  # counts of rules are sums: a soak's folder needn't have them each second
_LIMITS: Final = (("remaining_requests", "limit_requests"), ("remaining_tokens", "limit_tokens"))


class Signals:
    """One process's reading of answers."""

    def __init__(self, target: Target, collector: Collector) -> None:
        self._own = tuple(signal.rule() for signal in target.signals)
        self._finder = GatewayFinder() if target.gateway == AUTO else None
        self._reader = self._reader_for(target.gateway)
        self._stamps: dict[tuple[str, bool], _StampPlace] = {}
        self._collector = collector
        self._counted_at_s: float | None = None
        self._found = Found(target.gateway, "")
        self._has_told = self._finder is None

    def prepare(self, record: CallRecord) -> None:
        """Have as much of the answer kept as will be looked into."""
        place = self._stamp_place(record)
        if place.needs_tail:
            record.text_tail = ""
        is_gateway = record.arm == GATEWAY
        if place.needs_body or (is_gateway and (self._finder is not None or self._reader.needs_body)):
            keep_body(record)

    def read(self, record: CallRecord) -> None:
        """Fill in what the answer of an ended call says."""
        place = self._stamp_place(record)
        # Most targets say nothing of themselves: then nothing of the answer is looked at.
        if not place.is_wanted and (record.arm != GATEWAY or not (self._finder or self._reader.has_rules)):
            return
        if record.outcome == INTERRUPTED or not record.head:
            return
        said = said_in(record)
        if record.arm == GATEWAY:
            if self._finder is not None and said.is_success:
                self._decide(self._finder, said)
            _fill(record, self._reader.read(said))
        if record.is_success:
            place.read(record, said)

    def report(self, elapsed_s: float, stage: str, *, at_once: bool) -> None:
        """Hand what was counted to the collector: at the end, and now and then before."""
        last_s = self._counted_at_s
        if not at_once and last_s is not None and elapsed_s - last_s < _COUNTS_EVERY_S:
            return
        self._counted_at_s = elapsed_s
        if not self._has_told and (self._finder is None or at_once) and self._found.why:
            self._has_told = True
            found = f"{GATEWAY_FOUND}/{self._found.gateway}/{self._found.why}"
            self._collector.count(found, elapsed_s, stage)
        for name, applied in self._reader.take_counts().items():
            self._collector.count(f"{RULE_ASKED}/{name}", elapsed_s, stage, applied.asked)
            self._collector.count(f"{RULE_MATCHED}/{name}", elapsed_s, stage, applied.matched)

    def _decide(self, finder: GatewayFinder, said: AnswerSaid) -> None:
        found = finder.look(said)
        if found.gateway != self._found.gateway:
            self._reader = self._reader_for(found.gateway)
        self._found = found
        if finder.is_done:
            self._finder = None

    def _reader_for(self, gateway: str) -> SignalReader:
        preset = PRESETS[gateway].rules if gateway not in (AUTO, NONE) else ()
        return SignalReader((*self._own, *preset))

    def _stamp_place(self, record: CallRecord) -> _StampPlace:
        key = (record.arm, record.stream)
        place = self._stamps.get(key)
        if place is None:
            place = self._stamps[key] = _StampPlace()
        return place


class _StampPlace:
    """Where one kind of call has its stamp: not known yet, known, or nowhere."""

    # Asked for each call, and changed for a few: so these are attributes.
    __slots__ = ("_left", "_place", "is_wanted", "needs_body", "needs_tail")

    def __init__(self) -> None:
        self._place: str | None = None
        self._left = _STAMPLESS
        self.is_wanted = self.needs_body = self.needs_tail = True

    def read(self, record: CallRecord, said: AnswerSaid) -> None:
        if not self.is_wanted:
            return
        found = read_stamp(said.headers, said.body, record.text_tail or "", self._place or "")
        if self._place is None:
            self._left -= 1
            self._place = found[0] if found is not None else None
            if self._place is not None or not self._left:
                self.is_wanted = self._place is not None
                self.needs_body, self.needs_tail = self._place == FIELD, self._place == TEXT
        if found is not None:
            record.provider_ttft_s, record.provider_total_s = found[1]


def _fill(record: CallRecord, found: dict[str, Yielded]) -> None:
    """The names of GIVES → the fields of a call."""
    if not found:
        return
    for gives, field in _FIELDS.items():
        if gives in found:
            setattr(record, field, found[gives])
    if record.cost is None and "cost" in found:  # usage goes first: it is of this very answer
        record.cost = float(found["cost"])
    rooms = [
        float(found[remaining]) / float(found[limit])
        for remaining, limit in _LIMITS
        if remaining in found and found.get(limit)
    ]
    if rooms:
        record.rate_limit_headroom = min(1.0, *rooms)


_FIELDS: Final = {
    "cache": "cache",
    IMPLIED_MISS: "is_miss_implied",
    "cache_layer": "cache_layer",
    "provider": "provider",
    "model": "model",
    "fell_back": "fell_back",
    "upstream_time": "reported_upstream_s",
    "overhead": "reported_overhead_s",
    "request_id": "request_id",
}
