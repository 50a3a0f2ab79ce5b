"""Status line and headers of an answer, as Anthropic sends them."""

from __future__ import annotations

from time import gmtime, strftime, time
from typing import Final

from tokenswarm.mock.status_line import status_line

_HEAD: Final = (
    b"%bserver: tokenswarm-mock\r\nanthropic-organization-id: org-mock\r\n"
    b"anthropic-ratelimit-requests-limit: 4000\r\nanthropic-ratelimit-requests-remaining: %d\r\n"
    b"anthropic-ratelimit-requests-reset: %b\r\n"
    b"anthropic-ratelimit-tokens-limit: 400000\r\nanthropic-ratelimit-tokens-remaining: 399000\r\n"
    b"anthropic-ratelimit-tokens-reset: %b\r\n"
    b"content-type: %b\r\nrequest-id: req_%b\r\n%b"
)


def anthropic_head(
    status: int, number: bytes, elapsed_ms: float, content_type: bytes, more: bytes = b""
) -> bytes:
    """`number` is what request id and message id share; `more` are whole header lines."""
    del elapsed_ms  # Anthropic doesn't say
    reset = strftime("%Y-%m-%dT%H:%M:%SZ", gmtime(time() + 1)).encode()
    remaining = 0 if status == 429 else 3999
    return _HEAD % (status_line(status), remaining, reset, reset, content_type, number, more)
