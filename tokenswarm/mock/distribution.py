"""How long the provider takes, or how much it says: fixed, lognormal, or by percentiles.

    distribution := NUMBER
                  | "lognormal:" MEDIAN ":" SIGMA         SIGMA is the logarithm's: 0.5 is a usual spread
                  | "lognormal-mean:" MEAN ":" SD
                  | "p" Q ":" NUMBER (":p" Q ":" NUMBER)*  Q rising within 0 … 100, numbers not falling

Colons and digits only, because a distribution has to survive inside a model name.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass
from random import Random
from typing import Final

ALLOWED: Final = (
    "a number ≥ 0, lognormal:MEDIAN:SIGMA, lognormal-mean:MEAN:SD or p50:NUMBER:p90:NUMBER:p99:NUMBER"
)


LIMIT: Final = 3_600_000.0  # an hour, in ms
_MAX_SIGMA: Final = 5.0
_MAX_SD_RATIO: Final = 100.0


@dataclass(frozen=True, slots=True)
class Fixed:
    """Always the same value."""

    value: float

    def draw(self, rng: Random) -> float:  # noqa: ARG002 — one signature for all three
        return self.value


@dataclass(frozen=True, slots=True)
class Lognormal:
    """A long right tail, as real first tokens have; `mu` and `sigma` are those of the logarithm."""

    mu: float
    sigma: float

    def draw(self, rng: Random) -> float:
        return min(rng.lognormvariate(self.mu, self.sigma), LIMIT)


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Straight lines between the given points, from 0 at p0 unless p0 is given; never above the last."""

    shares: tuple[float, ...]
    values: tuple[float, ...]

    def draw(self, rng: Random) -> float:
        share = rng.random()
        right = bisect_left(self.shares, share)
        if right == 0:
            return self.values[0]
        if right == len(self.shares):
            return self.values[-1]
        low, high = self.shares[right - 1], self.shares[right]
        weight = (share - low) / (high - low)
        return self.values[right - 1] + weight * (self.values[right] - self.values[right - 1])


Distribution = Fixed | Lognormal | Percentiles


def parse_distribution(text: str) -> Distribution:
    """The distribution that `text` describes; ValueError if it describes none."""
    name, _, rest = text.partition(":")
    if not rest:
        return Fixed(_amount(name))
    if name in _TWO_NUMBERS:
        first, second = (_amount(part) for part in rest.split(":"))
        return _TWO_NUMBERS[name](first, second)
    return _percentiles(text.split(":"))


def _amount(text: str) -> float:
    number = float(text)
    if not 0 <= number <= LIMIT:
        raise ValueError(text)
    return number


def _by_median(median: float, sigma: float) -> Lognormal:
    if sigma > _MAX_SIGMA:
        raise ValueError(sigma)
    return Lognormal(math.log(median), sigma)  # log(0) is a ValueError too: a median of 0 has no spread


def _by_mean(mean: float, sd: float) -> Lognormal:
    if not mean or sd > _MAX_SD_RATIO * mean:
        raise ValueError(sd)
    variance = math.log1p((sd / mean) ** 2)
    return Lognormal(math.log(mean) - variance / 2, math.sqrt(variance))


_TWO_NUMBERS: Final = {"lognormal": _by_median, "lognormal-mean": _by_mean}


def _percentiles(parts: list[str]) -> Percentiles:
    if len(parts) % 2 or not all(part.startswith("p") for part in parts[::2]):
        raise ValueError(parts)
    shares = [_amount(part[1:]) / 100 for part in parts[::2]]
    values = [_amount(part) for part in parts[1::2]]
    if shares != sorted(set(shares)) or shares[-1] > 1 or values != sorted(values):
        raise ValueError(parts)
    if shares[0] > 0:
        shares.insert(0, 0.0)
        values.insert(0, 0.0)
    return Percentiles(tuple(shares), tuple(values))
