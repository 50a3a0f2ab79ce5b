"""The routes that no load goes through: health, metrics and models, as an ordinary Starlette application."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tokenswarm.mock.keys import KeyCheck
from tokenswarm.mock.openai_error import error_body
from tokenswarm.mock.refusal import Refusal

Endpoint = Callable[[Request], Awaitable[Response]]


def side_application(
    keys: KeyCheck, registry: CollectorRegistry, admin: Route, models: tuple[str, ...]
) -> Starlette:
    """GET /healthz, /metrics, /v1/models and /admin; only /v1/models wants the key."""

    async def healthz(_request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def metrics(_request: Request) -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    async def list_models(request: Request) -> Response:
        refusal = keys.refusal(request.headers.raw)
        if refusal is not None:
            return _error(refusal)
        rows = [{"id": name, "object": "model", "created": 0, "owned_by": "tokenswarm"} for name in models]
        return JSONResponse({"object": "list", "data": rows})

    async def unknown(request: Request, _exception: Exception) -> Response:
        message = f"Unknown request URL: {request.method} {request.url.path}."
        return _error(Refusal(404, message, code="unknown_url"))

    endpoints: dict[str, Endpoint] = {
        "/healthz": healthz,
        "/metrics": metrics,
        "/metrics/prometheus": metrics,
        "/v1/models": list_models,
    }
    routes = [admin, *(Route(path, endpoint) for path, endpoint in endpoints.items())]
    return Starlette(routes=routes, exception_handlers={404: unknown})


def _error(refusal: Refusal) -> Response:
    return Response(error_body(refusal), refusal.status, media_type="application/json")
