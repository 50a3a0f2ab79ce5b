"""From a target to an endpoint: where its key goes."""

from __future__ import annotations

import pytest

from tokenswarm.profile.schema import Timeouts
from tokenswarm.profile.target import Target
from tokenswarm.transport.aim import endpoint_of
from tokenswarm.wire.dialect import Request

TIMEOUTS = Timeouts.model_validate({})


def head(**target: str) -> str:
    """The request's head, of a target with these keys."""
    aimed = Target.model_validate({"name": "t", "url": "http://h", "model": "m", **target})
    endpoint = endpoint_of(aimed, TIMEOUTS, {"TOKENSWARM_API_KEY": "sk-1/2"})
    return endpoint.request_bytes(Request(aimed.path or "/v1/messages", b"")).decode()


@pytest.mark.parametrize(
    ("dialect", "sent"),
    [
        ("openai-chat", "authorization: Bearer sk-1/2"),
        ("openai-responses", "authorization: Bearer sk-1/2"),
        ("anthropic-messages", "x-api-key: sk-1/2"),
        ("openai-realtime", "authorization: Bearer sk-1/2"),
    ],
)
def test_key_goes_where_the_dialect_has_it(dialect: str, sent: str) -> None:
    """Unless the target says otherwise."""
    assert f"\r\n{sent}\r\n" in head(dialect=dialect)
    assert "\r\napi-key: sk-1/2\r\n" in head(dialect=dialect, key_in="api-key")
    assert sent not in head(dialect=dialect, key_in="api-key")


def test_key_in_the_path_is_escaped_and_in_no_header() -> None:
    """A slash in a key must not end its segment."""
    sent = head(dialect="anthropic-messages", key_in="path", path="/ak/{key}/v1/messages")
    assert sent.startswith("POST /ak/sk-1%2F2/v1/messages HTTP/1.1\r\n")
    assert "sk-1/2" not in sent
