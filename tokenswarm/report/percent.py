"""Shares in per cent, read from options and written for people with their sign."""

from __future__ import annotations

import re
from typing import Final

from tokenswarm.errors import ConfigurationError

_PERCENT: Final = re.compile(r"(\d+(?:\.\d+)?)\s*%")


def parse_percent(option: str, text: str) -> float:
    """`20%` → 0.2; ConfigurationError that names the option."""
    found = _PERCENT.fullmatch(text.strip())
    if found is None:
        raise ConfigurationError(f"{option}: got {text}, need a share in per cent, such as 20%")
    return float(found[1]) / 100


def signed_percent(share: float) -> str:
    """+14.8%, −0.31%, 0%: as many digits as a change is worth."""
    percent = abs(share) * 100
    places = 2 if percent < 0.995 else 1 if percent < 99.95 else 0
    text = f"{percent:,.{places}f}"
    if not float(text.replace(",", "")):
        return "0%"
    return f"{'+' if share > 0 else '−'}{text}%"


def signed_points(difference: float) -> str:
    """The same of a share that rose or fell: +0.4 points."""
    return _in_points(signed_percent(difference))


def percent(share: float) -> str:
    """A limit as its author would write it: 20%, 2.5%."""
    return f"{share * 100:.4g}%"


def points(difference: float) -> str:
    """The same of a difference of shares: 1 point, 2.5 points."""
    return _in_points(percent(difference))


def _in_points(percent: str) -> str:
    return percent.replace("%", " point" if percent.strip("+−") in ("1%", "1.0%") else " points")
