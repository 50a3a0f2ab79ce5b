"""A client of plain stdlib sockets, and a mock that answers without delay."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, IncompleteRead
from typing import Any

import pytest

from tokenswarm.mock.options import MockOptions
from tokenswarm.mock.process import MockProcess


@dataclass
class Answer:
    """One answer as it came; `is_cut` if the connection ended before it did."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    is_cut: bool = False

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def data(self) -> list[str]:
        """What follows `data: ` in each event."""
        return [line[6:] for line in self.body.decode().splitlines() if line.startswith("data: ")]

    @property
    def chunks(self) -> list[Any]:
        return [json.loads(data) for data in self.data if data != "[DONE]"]

    @property
    def deltas(self) -> list[dict[str, Any]]:
        """The deltas that are not empty."""
        choices = [choice for chunk in self.chunks for choice in chunk.get("choices", ())]
        return [choice["delta"] for choice in choices if choice["delta"]]

    @property
    def contents(self) -> list[str]:
        return [delta["content"] for delta in self.deltas if delta.get("content")]


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
    used = connection or HTTPConnection(url.removeprefix("http://"), timeout=20)
    request = {
        "model": model,
        "messages": [{"role": "user", "content": "Say hello."}],
        "stream": stream,
        **body,
    }
    answer = Answer()
    try:
        used.request("POST", "/v1/chat/completions", json.dumps(request), headers or {})
        response = used.getresponse()
        answer.status = response.status
        answer.headers = {name.lower(): value for name, value in response.getheaders()}
        answer.body = response.read()
    except IncompleteRead as error:
        answer.body, answer.is_cut = error.partial, True
    except (HTTPException, ConnectionError):
        answer.is_cut = True
    finally:
        if connection is None:
            used.close()
    return answer


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
