"""What every dialect sends, and which of them are where."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tokenswarm.errors import ConfigurationError
from tokenswarm.wire.dialect import DIALECTS, ChatOptions

WIRE = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
TEXT = [name for name, dialect in DIALECTS.items() if dialect.streams]


def sent(dialect: str, prompt: str, options: ChatOptions) -> dict[str, object]:
    body: dict[str, object] = json.loads(DIALECTS[dialect].encode(prompt, options).body)
    return body


SAID = [{"role": "user", "content": "Hi"}]
# What a request holds when a stream of at most 64 tokens is asked for, and when nothing is asked for.
REQUESTS = {
    "openai-chat": (
        {
            "model": "m",
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_tokens": 64,
            "temperature": 0.5,
            "messages": SAID,
        },
        {"model": "m", "stream": False, "messages": SAID},
    ),
    "openai-completions": (
        {
            "model": "m",
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_tokens": 64,
            "temperature": 0.5,
            "prompt": "Hi",
        },
        {"model": "m", "stream": False, "prompt": "Hi"},
    ),
    "openai-responses": (
        {"model": "m", "stream": True, "max_output_tokens": 64, "temperature": 0.5, "input": "Hi"},
        {"model": "m", "stream": False, "input": "Hi"},
    ),
    "anthropic-messages": (
        {"model": "m", "stream": True, "max_tokens": 64, "temperature": 0.5, "messages": SAID},
        {"model": "m", "stream": False, "max_tokens": 4096, "messages": SAID},  # it can't be left out
    ),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_request_says_what_was_asked_and_no_more(name: str) -> None:
    """Each dialect in its own words; options that aren't set aren't sent."""
    full, bare = REQUESTS[name]
    asked = ChatOptions("m", stream=True, max_tokens=64, temperature=0.5)
    assert (sent(name, "Hi", asked), sent(name, "Hi", ChatOptions("m", stream=False))) == (full, bare)


def test_every_dialect_of_text_is_in_that_table() -> None:
    """A new one must say what it sends."""
    assert set(REQUESTS) == set(TEXT)


def test_embeddings_send_nothing_but_model_and_input() -> None:
    """How long and how random an answer may be means nothing to a vector."""
    options = ChatOptions("m", stream=False, max_tokens=64, temperature=0.5, extra={"dimensions": 256})
    assert sent("openai-embeddings", "Hi", options) == {"model": "m", "input": "Hi", "dimensions": 256}


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("openai-responses", {"instructions": "Be brief."}),
        ("anthropic-messages", {"system": "Be brief."}),
        ("openai-chat", {"messages": [{"role": "system", "content": "Be brief."}, *SAID]}),
    ],
)
def test_system_message_has_a_place_of_its_own(name: str, where: dict[str, object]) -> None:
    """Never in the prompt."""
    body = sent(name, "Hi", ChatOptions("m", stream=True, system="Be brief."))
    assert body == {**body, **where}


@pytest.mark.parametrize("name", ["openai-completions", "openai-embeddings"])
def test_system_message_without_a_place_is_refused(name: str) -> None:
    """It would be lost without a word."""
    with pytest.raises(ConfigurationError, match="no system message"):
        sent(name, "Hi", ChatOptions("m", stream=False, system="Be brief."))


def test_embeddings_refuse_to_stream() -> None:
    """What can't be had isn't asked for."""
    with pytest.raises(ConfigurationError, match="never streamed"):
        sent("openai-embeddings", "Hi", ChatOptions("m", stream=True))


@pytest.mark.parametrize("name", DIALECTS)
def test_prompt_cannot_be_replaced_by_extra(name: str) -> None:
    """A key that stands twice in a body is read in one way by some servers, and in another by others."""
    key = {"openai-completions": "prompt", "openai-responses": "input", "openai-embeddings": "input"}.get(
        name, "messages"
    )
    with pytest.raises(ConfigurationError, match=rf"extra\.{key}: it is made from the prompt"):
        sent(name, "Hi", ChatOptions("m", stream=False, extra={key: []}))


@settings(WIRE)
@given(st.sampled_from(sorted(DIALECTS)), st.text(st.characters(codec="utf-8")))
def test_prompt_arrives_as_it_was_in_every_dialect(name: str, prompt: str) -> None:
    """Quotes, line breaks and any script survive the way into the body."""
    body = sent(name, prompt, ChatOptions("m", stream=False, max_tokens=5))
    assert prompt in (body.get("prompt"), body.get("input")) or body["messages"] == [
        {"role": "user", "content": prompt}
    ]


def test_anthropic_is_told_which_version_is_spoken() -> None:
    """It refuses a request that doesn't say so."""
    headers = dict(DIALECTS["anthropic-messages"].encode("Hi", ChatOptions("m", stream=True)).headers)
    assert headers["anthropic-version"] == "2023-06-01"
    assert headers["accept"] == "text/event-stream"


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("openai-chat", "/v1/chat/completions"),
        ("openai-completions", "/v1/completions"),
        ("openai-responses", "/v1/responses"),
        ("openai-embeddings", "/v1/embeddings"),
        ("anthropic-messages", "/v1/messages"),
    ],
)
def test_path_is_the_dialects_unless_the_target_has_one(name: str, path: str) -> None:
    """A proxy may serve the same dialect elsewhere."""
    options = ChatOptions("m", stream=False)
    dialect = DIALECTS[name]
    assert [dialect.encode("Hi", options).path, dialect.encode("Hi", options, "/ak/{key}/x").path] == [
        path,
        "/ak/{key}/x",
    ]
