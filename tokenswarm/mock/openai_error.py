"""Errors as OpenAI words them, by status."""

from __future__ import annotations

from typing import Final, NamedTuple

import orjson

from tokenswarm.mock.refusal import Refusal


class _ErrorKind(NamedTuple):
    kind: str
    code: str | None
    message: str


_ERROR_KINDS: Final = {
    400: _ErrorKind("invalid_request_error", None, "Your request was not valid."),
    401: _ErrorKind("invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
    403: _ErrorKind(
        "invalid_request_error", "unsupported_country_region_territory", "Access is not allowed."
    ),
    404: _ErrorKind("invalid_request_error", "model_not_found", "The model does not exist."),
    413: _ErrorKind("invalid_request_error", "request_too_large", "The request body is larger than 10 MiB."),
    429: _ErrorKind(
        "requests", "rate_limit_exceeded", "Rate limit reached for requests. Please try again later."
    ),
    503: _ErrorKind(
        "server_error", "overloaded", "The engine is currently overloaded, please try again later."
    ),
    529: _ErrorKind("overloaded_error", "overloaded", "Overloaded."),
}
_CLIENT_ERROR: Final = _ErrorKind("invalid_request_error", None, "Your request can't be served.")
_SERVER_ERROR: Final = _ErrorKind(
    "server_error", None, "The server had an error while processing your request."
)


def error_body(refusal: Refusal) -> bytes:
    """The error as OpenAI words it; an empty message is filled in by status."""
    kind = _ERROR_KINDS.get(refusal.status, _CLIENT_ERROR if refusal.status < 500 else _SERVER_ERROR)
    error = {
        "message": refusal.message or kind.message,
        "type": kind.kind,
        "param": refusal.param,
        "code": refusal.code or kind.code,
    }
    return orjson.dumps({"error": error})


STREAM_ERROR: Final = orjson.dumps(
    {
        "error": {
            "message": "The upstream failed in mid-stream.",
            "type": "server_error",
            "param": None,
            "code": "500",
        }
    }
)
