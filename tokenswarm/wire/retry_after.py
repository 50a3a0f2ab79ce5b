"""How long a refused call is asked to wait, in whatever header the gateway or the provider says it.

    Retry-After         seconds, or an HTTP-date (RFC 9110 10.2.3)
    retry-after-ms      milliseconds
    x-ratelimit-reset-* a span such as 6ms, 1m30s or 12s
    anthropic-ratelimit-*-reset   an RFC 3339 time

An explicit wait goes before a reset, and the gateway's own word before the provider's, which LiteLLM hands
on under `llm_provider-`. A reset whose limit has something remaining is not what refused the call. Times
are held against the answer's own Date, so that two clocks needn't agree. What can't be read is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

MOST_WAIT_S: Final = 600.0  # a limit of a day would otherwise end the load without a word

_PROVIDER: Final = "llm_provider-"
_NUMBER: Final = re.compile(r"[0-9]{1,15}(?:\.[0-9]{0,15})?")
_SPAN: Final = re.compile(r"(?:[0-9]{1,15}(?:\.[0-9]{0,15})?(?:ms|us|µs|ns|s|m|h|d))+")
_SPAN_PART: Final = re.compile(r"([0-9.]+)(ms|us|µs|ns|s|m|h|d)")
_UNITS_S: Final[Mapping[str, float]] = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
    "d": 86400.0,
}
# RFC 3339 5.6; more digits of a second than a datetime holds are cut.
_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d)(\.\d{1,6})?\d*([Zz]|[+-]\d\d:\d\d)")


def retry_after_s(headers: Iterable[tuple[bytes, bytes]], now_wall_s: float) -> float | None:
    """Seconds to wait, from 0 to MOST_WAIT_S; None if no header says. Never raises, whatever the bytes.

    `now_wall_s` is the Unix time at which the answer came, for answers without a Date.
    """
    said: dict[str, str] = {}
    for raw_name, raw_value in headers:
        said.setdefault(raw_name.decode("latin-1").lower(), raw_value.decode("latin-1").strip())
    date_s = _http_date(said.get("date", ""))
    now_s = now_wall_s if date_s is None else date_s
    for prefix in ("", _PROVIDER):
        for name, read in _EXPLICIT.items():
            wait_s = read(said.get(prefix + name, ""), now_s)
            if wait_s is not None:
                return _bounded(wait_s)
    for prefix in ("", _PROVIDER):
        waits_s = list(_resets(said, prefix, now_s))
        if waits_s:
            return _bounded(max(waits_s))
    return None


def _resets(said: Mapping[str, str], prefix: str, now_s: float) -> Iterator[float]:
    """What each limit that is used up, or doesn't say, asks for."""
    for reset, remaining in _LIMITS.items():
        left = said.get(prefix + remaining, "")
        if _NUMBER.fullmatch(left) and float(left) > 0:
            continue
        wait_s = _reset(said.get(prefix + reset, ""), now_s)
        if wait_s is not None:
            yield wait_s


def _bounded(wait_s: float) -> float:
    return min(max(wait_s, 0.0), MOST_WAIT_S)


def _milliseconds(text: str, _now_s: float) -> float | None:
    return float(text) / 1000 if _NUMBER.fullmatch(text) else None


def _seconds_or_date(text: str, now_s: float) -> float | None:
    if _NUMBER.fullmatch(text):
        return float(text)
    # Some gateways write a span here, too.
    at_s = _http_date(text)
    return _reset(text, now_s) if at_s is None else at_s - now_s


def _reset(text: str, now_s: float) -> float | None:
    if _NUMBER.fullmatch(text):
        return float(text)
    # µ is two bytes of UTF-8, which read as Latin-1 are two letters.
    span = text.replace("Âµ", "µ")
    if _SPAN.fullmatch(span):
        return sum(float(number) * _UNITS_S[unit] for number, unit in _SPAN_PART.findall(span))
    at_s = _rfc3339(text)
    return None if at_s is None else at_s - now_s


def _http_date(text: str) -> float | None:
    try:
        at = parsedate_to_datetime(text)
        # An HTTP-date is in GMT, said or not.
        return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _rfc3339(text: str) -> float | None:
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    try:
        zone = "+00:00" if match[3] in "Zz" else match[3]
        return datetime.fromisoformat(match[1].upper() + (match[2] or "") + zone).timestamp()
    except (ValueError, OverflowError):
        return None


_EXPLICIT: Final[Mapping[str, Callable[[str, float], float | None]]] = {
    "retry-after-ms": _milliseconds,
    "retry-after": _seconds_or_date,
}
# The header that says when → the one that says how much is left.
_LIMITS: Final[Mapping[str, str]] = {
    **{f"x-ratelimit-reset-{what}": f"x-ratelimit-remaining-{what}" for what in ("requests", "tokens")},
    **{
        f"anthropic-ratelimit-{what}-reset": f"anthropic-ratelimit-{what}-remaining"
        for what in ("requests", "tokens", "input-tokens", "output-tokens")
    },
}
