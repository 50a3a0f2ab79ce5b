"""Status line and headers of an answer, as OpenAI sends them."""

from __future__ import annotations

from typing import Final

from tokenswarm.mock.status_line import status_line

_LIMITS: Final = (
    b"server: tokenswarm-mock\r\nopenai-organization: org-mock\r\nopenai-version: 2020-10-01\r\n"
    b"x-ratelimit-limit-requests: 10000\r\nx-ratelimit-remaining-requests: %d\r\n"
    b"x-ratelimit-reset-requests: 6ms\r\nx-ratelimit-limit-tokens: 2000000\r\n"
    b"x-ratelimit-remaining-tokens: 1999900\r\nx-ratelimit-reset-tokens: 3ms\r\n"
)
_COMMON: Final = _LIMITS % 9999
_COMMON_WHEN_LIMITED: Final = _LIMITS % 0


def openai_head(
    status: int, number: bytes, elapsed_ms: float, content_type: bytes, more: bytes = b""
) -> bytes:
    """`number` is what request id and response id share; `more` are whole header lines."""
    return b"%b%bcontent-type: %b\r\nx-request-id: req_%b\r\nopenai-processing-ms: %d\r\n%b" % (
        status_line(status),
        _COMMON_WHEN_LIMITED if status == 429 else _COMMON,
        content_type,
        number,
        elapsed_ms,
        more,
    )
