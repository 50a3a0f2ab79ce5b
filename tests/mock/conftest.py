"""A mock that answers without delay, and chat calls to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from typing import Any

import pytest

from tokenswarm.mock.options import MockOptions
from tokenswarm.mock.process import MockProcess

from .client import Answer, send

Post = Callable[..., Answer]


def post_chat(
    url: str,
    model: str = "mock",
    *,
    stream: bool = False,
    headers: dict[str, str] | None = None,
    connection: HTTPConnection | None = None,
    **body: Any,
) -> Answer:
    """One chat call; further keywords go into its body."""
    request = {
        "model": model,
        "messages": [{"role": "user", "content": "Say hello."}],
        "stream": stream,
        **body,
    }
    return send(url, "/v1/chat/completions", request, headers, connection)


@pytest.fixture(scope="session")
def mock() -> Iterator[MockProcess]:
    """A mock that answers five tokens without delay."""
    with MockProcess(MockOptions(ttft="0", itl="0", tokens="5")) as process:
        yield process


@pytest.fixture
def post(mock: MockProcess) -> Post:
    """One chat call to the session's mock."""

    def call(model: str = "mock", **options: Any) -> Answer:
        return post_chat(mock.url, model, **options)

    return call


@pytest.fixture
def post_to() -> Post:
    """One chat call to any mock: `post_to(url, model, …)`."""
    return post_chat


@pytest.fixture
def stream(post: Post) -> Post:
    """One streamed chat call to the session's mock."""

    def call(model: str = "mock", **options: Any) -> Answer:
        return post(model, stream=True, **options)

    return call
