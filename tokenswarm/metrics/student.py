"""Student's t distribution with whole degrees of freedom: how likely, and how far out.

The finite sums are formulas 26.7.3 and 26.7.4 of Abramowitz and Stegun, Handbook of Mathematical Functions.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Final

_FARTHEST: Final = 1e12  # where one degree of freedom has 1e-12 left
_HALVINGS: Final = 200  # at most; the interval has shrunk to two neighbouring floats long before


def inside(t: float, freedom: int) -> float:
    """The probability that |T| is at most `t`; ValueError without a degree of freedom."""
    if freedom < 1:
        raise ValueError(f"got {freedom} degrees of freedom, need 1 at least")
    angle = math.atan(abs(t) / math.sqrt(freedom))
    sine, cosine = math.sin(angle), math.cos(angle)
    is_odd = freedom % 2 == 1
    # Each term is the one before, times cos² and the next fraction.
    term = cosine if is_odd else 1.0
    total = term if freedom > 1 else 0.0
    for k in range(3 if is_odd else 2, freedom - 1, 2):
        term *= cosine * cosine * (k - 1) / k
        total += term
    return 2 / math.pi * (angle + sine * total) if is_odd else sine * total


def two_sided(t: float, freedom: int) -> float:
    """The p-value of `t`: how likely a |T| beyond it is by chance alone."""
    return 0.0 if math.isinf(t) else max(0.0, 1 - inside(t, freedom))


@cache
def quantile(share: float, freedom: int) -> float:
    """The t below which this share lies: 2.365 for 0.975 and 7 degrees; ValueError unless 0 < share < 1."""
    if not 0 < share < 1:
        raise ValueError(f"got {share}, need a share between 0 and 1")
    if share < 0.5:
        return -quantile(1 - share, freedom)
    wanted = 2 * share - 1
    low, high = 0.0, 1.0
    while inside(high, freedom) < wanted and high < _FARTHEST:
        low, high = high, 2 * high
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if inside(middle, freedom) < wanted:
            low = middle
        else:
            high = middle
    return high
