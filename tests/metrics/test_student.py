"""Student's t against the tables that statistics books print."""

from __future__ import annotations

import math

import pytest

from tokenswarm.metrics.student import inside, quantile, two_sided

# Critical values as tables print them: degrees of freedom → share → t.
TABLE = {
    1: {0.90: 3.078, 0.95: 6.314, 0.975: 12.706, 0.995: 63.657},
    2: {0.90: 1.886, 0.95: 2.920, 0.975: 4.303, 0.995: 9.925},
    3: {0.90: 1.638, 0.95: 2.353, 0.975: 3.182, 0.995: 5.841},
    7: {0.90: 1.415, 0.95: 1.895, 0.975: 2.365, 0.995: 3.499},
    8: {0.90: 1.397, 0.95: 1.860, 0.975: 2.306, 0.995: 3.355},
    15: {0.90: 1.341, 0.95: 1.753, 0.975: 2.131, 0.995: 2.947},
    30: {0.90: 1.310, 0.95: 1.697, 0.975: 2.042, 0.995: 2.750},
    120: {0.90: 1.289, 0.95: 1.658, 0.975: 1.980, 0.995: 2.617},
}


@pytest.mark.parametrize("freedom", TABLE)
def test_quantiles_are_those_of_the_tables(freedom: int) -> None:
    """To the three places that they print."""
    for share, t in TABLE[freedom].items():
        assert quantile(share, freedom) == pytest.approx(t, abs=0.0006)


@pytest.mark.parametrize("freedom", [1, 2, 5, 6, 40])
def test_a_quantile_holds_its_share(freedom: int) -> None:
    """One is the other's inverse, on both sides of the middle."""
    for share in (0.001, 0.2, 0.5, 0.7, 0.9995):
        t = quantile(share, freedom)
        below = 0.5 + math.copysign(inside(t, freedom) / 2, t)
        assert below == pytest.approx(share, abs=1e-12)


def test_p_values_are_two_sided() -> None:
    """2.365 is where 7 degrees leave 5 % outside; what is endless has none left."""
    assert two_sided(2.3646, 7) == pytest.approx(0.05, abs=1e-5)
    assert two_sided(-2.3646, 7) == two_sided(2.3646, 7)
    assert two_sided(0.0, 7) == 1.0
    assert two_sided(math.inf, 7) == 0.0


def test_no_freedom_and_no_share_are_refused() -> None:
    """A single pair has no spread, and a quantile of 1 no end."""
    with pytest.raises(ValueError, match="degrees of freedom"):
        inside(1.0, 0)
    with pytest.raises(ValueError, match="between 0 and 1"):
        quantile(1.0, 3)
