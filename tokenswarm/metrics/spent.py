"""Where the time of a call went: parts that add up to the whole, from the start of its connect to its end.

Who answered decides what can be told apart:

    provider   it stamped its own time on the answer
    cache      the gateway answered by itself
    unknown    nobody said: until the first token, gateway and provider are one

The sums of parts are kept, not their spread: means add up to the mean of the whole, medians would not.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from tokenswarm.metrics.call import CallRecord

BY_PROVIDER: Final = "provider"
BY_CACHE: Final = "cache"
BY_UNKNOWN: Final = "unknown"
ANSWERED_BY: Final = (BY_PROVIDER, BY_CACHE, BY_UNKNOWN)

HIT: Final = "hit"  # CallRecord.cache of an answer that no provider was asked for


class Spent(NamedTuple):
    """Seconds of one call, or of many added up; negative where two clocks disagree by less than they tick."""

    connect: float = 0.0  # TCP, DNS included; 0 on a kept connection
    tls: float = 0.0
    gateway: float = 0.0  # what the gateway and the way there added before the first token, or byte
    provider_first: float = 0.0  # the provider, until it answered
    provider_rest: float = 0.0  # the provider, from its first token to its last
    waiting: float = 0.0  # until the first token, or byte: gateway and provider, not told apart
    rest: float = 0.0  # all after that: what the gateway and the way back added, or the rest of the answer

    @property
    def whole(self) -> float:
        """Connect and latency together."""
        return sum(self)


PARTS: Final = Spent._fields
CALLS: Final = "calls"  # beside the parts: how many calls were added up


def count_name(answered_by: str, part: str) -> str:
    """The name of a sum among a series' counts."""
    return f"spent/{answered_by}/{part}"


# Plain functions over tuples: this runs once a call on the hot path.
def spent_by(call: CallRecord) -> tuple[str, Spent] | None:
    """Who answered and what took how long; None if the call lacks a time."""
    first_s = call.ttft_s if call.stream else call.ttfb_s
    latency_s = call.latency_s
    if first_s is None or latency_s is None:
        return None
    tls_s = call.tls_s or 0.0
    connect_s = (call.connect_s or 0.0) - tls_s
    rest_s = latency_s - first_s
    if call.cache == HIT:
        return BY_CACHE, Spent(connect_s, tls_s, gateway=first_s, rest=rest_s)
    total_s = call.provider_total_s
    provider_first_s = call.provider_ttft_s if call.stream else total_s
    if total_s is None or provider_first_s is None:
        return BY_UNKNOWN, Spent(connect_s, tls_s, waiting=first_s, rest=rest_s)
    provider_rest_s = total_s - provider_first_s
    return BY_PROVIDER, Spent(
        connect_s,
        tls_s,
        first_s - provider_first_s,
        provider_first_s,
        provider_rest_s,
        0.0,
        rest_s - provider_rest_s,
    )
