"""Errors as Anthropic words them, by status."""

from __future__ import annotations

from typing import Final, NamedTuple

import orjson

from tokenswarm.mock.refusal import Refusal


class _ErrorKind(NamedTuple):
    kind: str
    message: str


_ERROR_KINDS: Final = {
    400: _ErrorKind("invalid_request_error", "Your request was not valid."),
    401: _ErrorKind("authentication_error", "invalid x-api-key"),
    403: _ErrorKind("permission_error", "Your API key may not use this."),
    404: _ErrorKind("not_found_error", "Not found."),
    413: _ErrorKind("request_too_large", "The request body is larger than 10 MiB."),
    429: _ErrorKind("rate_limit_error", "This request would exceed your rate limit. Please try again later."),
    500: _ErrorKind("api_error", "Internal server error"),
    504: _ErrorKind("timeout_error", "The request timed out."),
    529: _ErrorKind("overloaded_error", "Overloaded"),
}
_CLIENT_ERROR: Final = _ErrorKind("invalid_request_error", "Your request can't be served.")
_SERVER_ERROR: Final = _ErrorKind("api_error", "The server had an error.")


def error_body(refusal: Refusal) -> bytes:
    """The error as Anthropic words it; an empty message is filled in by status."""
    kind = _ERROR_KINDS.get(refusal.status, _CLIENT_ERROR if refusal.status < 500 else _SERVER_ERROR)
    return orjson.dumps(
        {"type": "error", "error": {"type": kind.kind, "message": refusal.message or kind.message}}
    )


STREAM_ERROR: Final = error_body(Refusal(500, "The upstream failed in mid-stream."))
