"""One call to a mock by plain stdlib sockets, and all that came of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, IncompleteRead
from typing import Any


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

    @property
    def tier(self) -> str | None:
        """The cache layer that answered."""
        return self.headers.get("x-llm-edge-cache-tier")

    @property
    def provider(self) -> str:
        return self.headers["x-llm-edge-provider"]


def send(
    url: str,
    path: str,
    body: Any = None,
    headers: Mapping[str, str] | None = None,
    connection: HTTPConnection | None = None,
) -> Answer:
    """POST the body, bytes as they are and all else as JSON, or GET without one; on a connection if given."""
    used = connection or HTTPConnection(url.removeprefix("http://"), timeout=20)
    data = body if isinstance(body, bytes) or body is None else json.dumps(body)
    answer = Answer()
    try:
        used.request("GET" if body is None else "POST", path, data, dict(headers or {}))
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
