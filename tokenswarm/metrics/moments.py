"""Calls by moment, finer than intervals: what becomes of a target within tenths of a second.

Kept as counts without labels, which are named KIND/NUMBER OF THE MOMENT, or FROM/PROVIDER/NUMBER.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from tokenswarm.metrics.origins import BoundedNames

ENDED: Final = "ended"
FAILED: Final = "failed"
FROM: Final = "from"
# Far more than a gateway has behind one model; beyond them they are one, so that what is kept stays bounded.
MOST_PROVIDERS: Final = 12
_NARROWEST_S: Final = 0.1
_MOST_MOMENTS: Final = 6000


def moment_width_s(total_s: float) -> float:
    """A tenth of a second, or more in a long run: what is kept must not grow with a run's length."""
    return max(_NARROWEST_S, total_s / _MOST_MOMENTS)


@dataclass(frozen=True, slots=True)
class Moments:
    """Calls that ended, those that failed, and those that a provider answered well, by moment.

    The i-th begins at i × `width_s` of the run.
    """

    width_s: float
    ended: Mapping[int, float]
    failed: Mapping[int, float]
    by_provider: Mapping[str, Mapping[int, float]] = field(default_factory=dict)

    def index(self, at_s: float) -> int:
        """The moment that holds this time."""
        return int(at_s / self.width_s + 1e-9)

    def span(self, seconds: float) -> int:
        """How many moments that is, at least one."""
        return max(1, round(seconds / self.width_s))


class MomentNames:
    """Names of the counts of one call; a target words its providers, so their number is bounded."""

    def __init__(self) -> None:
        self._providers = BoundedNames(MOST_PROVIDERS)

    def of(self, moment: int, provider: str, *, has_failed: bool) -> Iterator[str]:
        """The counts that go up by one."""
        yield f"{ENDED}/{moment}"
        if has_failed:
            yield f"{FAILED}/{moment}"
        elif provider:
            yield f"{FROM}/{self._providers.shown(provider)}/{moment}"


def moments_in(counts: Iterable[tuple[str, float]], width_s: float) -> Moments:
    """The moments among all label-less counts of a run; others are passed over."""
    found: dict[str, dict[int, float]] = {ENDED: {}, FAILED: {}}
    by_provider: dict[str, dict[int, float]] = {}
    for name, count in counts:
        kind, _, rest = name.partition("/")
        if kind in found:
            by_moment = found[kind]
        elif kind == FROM:
            # A provider's name may hold a slash itself.
            provider, _, rest = rest.rpartition("/")
            by_moment = by_provider.setdefault(provider, {})
        else:
            continue
        moment = int(rest)
        by_moment[moment] = by_moment.get(moment, 0) + count
    return Moments(width_s, found[ENDED], found[FAILED], by_provider)
