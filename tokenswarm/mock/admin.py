"""`/admin`: shows a mock's state and changes it while it runs; only for this machine, or with a token."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from hmac import compare_digest
from ipaddress import ip_address
from typing import Any, Final, Protocol

import orjson
from starlette.requests import Request as SideRequest
from starlette.responses import Response
from starlette.routing import Route

from tokenswarm.errors import ConfigurationError
from tokenswarm.mock.connection import Connection, Front, Request
from tokenswarm.mock.status_line import status_line

PREFIX: Final = b"/admin"
_ROOT: Final = PREFIX.decode()


class Controlled(Protocol):
    """What can be changed while it runs."""

    def state(self) -> dict[str, Any]:
        """All that can be changed, as it is now, and what is allowed."""

    def change(self, path: str, body: dict[str, Any], connection: Connection) -> Awaitable[None] | None:
        """Do what `body`, posted to `path` below /admin, says; ConfigurationError says what is allowed."""


class AdminFront:
    """Takes what is posted to /admin, and leaves all else to `front`."""

    def __init__(self, front: Front, controlled: Controlled, token: str | None) -> None:
        self._front = front
        self._controlled = controlled
        self._token = token.encode() if token else None
        self._tasks: set[asyncio.Task[None]] = set()

    def handle(self, connection: Connection, request: Request) -> None:
        if request.path.startswith(PREFIX):
            self._post(connection, request)
        else:
            self._front.handle(connection, request)

    def route(self) -> Route:
        """GET /admin, for the side routes."""

        async def show(request: SideRequest) -> Response:
            host = request.client.host if request.client else ""
            refused = self._refuses(host, request.headers.raw)
            if refused:
                return Response(_error(refused), 403, media_type="application/json")
            return Response(orjson.dumps(self._controlled.state()), media_type="application/json")

        return Route(_ROOT, show)

    def _refuses(self, host: str, headers: Iterable[tuple[bytes, bytes]]) -> str:
        """Why this client may not come in, if it may not."""
        if self._token is not None:
            given = dict(headers).get(b"authorization", b"").removeprefix(b"Bearer ")
            return "" if compare_digest(given, self._token) else "send Authorization: Bearer ADMIN_TOKEN"
        if host and ip_address(host.partition("%")[0]).is_loopback:
            return ""
        return "/admin is for this machine only; start the mock with --admin-token-env NAME to open it"

    def _post(self, connection: Connection, request: Request) -> None:
        refused = self._refuses(connection.peer_host, request.headers)
        if refused:
            _respond(connection, 403, _error(refused))
            return
        path = request.path.removeprefix(PREFIX).decode("ascii", "replace")
        try:
            pending = self._controlled.change(path, _read(request), connection)
        except ConfigurationError as error:
            _respond(connection, 400, _error(str(error)))
            return
        if pending is None:
            _respond(connection, 200, orjson.dumps(self._controlled.state()))
            return
        task = asyncio.get_running_loop().create_task(self._answer_after(pending, connection))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer_after(self, pending: Awaitable[None], connection: Connection) -> None:
        await pending
        _respond(connection, 200, orjson.dumps(self._controlled.state()))


def check_keys(body: dict[str, Any], allowed: Iterable[str], where: str) -> None:
    """ConfigurationError if there are keys that mean nothing."""
    unknown = sorted(set(body) - set(allowed))
    if unknown:
        raise ConfigurationError(f"{where}: unknown {', '.join(unknown)}; allowed are {', '.join(allowed)}")


def _read(request: Request) -> dict[str, Any]:
    try:
        body = orjson.loads(request.body or b"{}")
    except orjson.JSONDecodeError as error:
        raise ConfigurationError(f"the body is no JSON: {error}") from None
    if not isinstance(body, dict):
        raise ConfigurationError("the body must be a JSON object")
    return body


def _error(message: str) -> bytes:
    return orjson.dumps({"error": message})


def _respond(connection: Connection, status: int, body: bytes) -> None:
    connection.respond(status_line(status) + b"content-type: application/json\r\n", body)
