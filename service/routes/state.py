"""How the service is: alive, ready, and what it serves."""

from __future__ import annotations

import msgspec
from fastapi import APIRouter, Response

from service.answering import Desk
from service.openapi import problems
from service.schemas import HealthReply, StatusReply

_FRESH = {"Cache-Control": "no-store"}


def state_routes(desk: Desk) -> APIRouter:
    """GET /livez, /readyz and /v1/status."""
    router = APIRouter(tags=["state"])

    @router.get(
        "/livez",
        summary="Is the process alive?",
        response_model=HealthReply,
        responses=problems(),
        operation_id="livez",
    )
    async def livez() -> Response:
        """Always ok while the event loop turns."""
        return _ok(None)

    @router.get(
        "/readyz",
        summary="Can it answer?",
        response_model=HealthReply,
        responses=problems(503),
        operation_id="readyz",
    )
    async def readyz() -> Response:
        """Ok once an index is open; until then a problem that says what is missing."""
        async with desk.serving.lease() as served:
            return _ok(served.engine.generation)

    @router.get(
        "/v1/status",
        summary="What is being served",
        response_model=StatusReply,
        responses=problems(503),
        operation_id="status",
    )
    async def status() -> Response:
        """The generation, its encoder, and its counts."""
        async with desk.serving.lease() as served:
            found = await desk.readers.run(served.engine.status)
        # Only what is documented: paths of the machine are nobody's business over HTTP.
        fields = {name: getattr(found, name) for name in StatusReply.model_fields}
        return Response(msgspec.json.encode(fields), media_type="application/json", headers=_FRESH)

    return router


def _ok(generation: str | None) -> Response:
    body = msgspec.json.encode({"status": "ok", "generation": generation})
    return Response(body, media_type="application/json", headers=_FRESH)
