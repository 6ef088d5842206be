"""How the service is: alive, ready, and what it serves."""

from __future__ import annotations

import contextlib

import msgspec
from fastapi import APIRouter, Response

from indexer.errors import VitrineError
from service.http.answering import Desk
from service.http.openapi import problems
from service.http.problems import without_paths
from service.http.schemas import HealthReply, StatusReply
from service.runtime.metrics import MEDIA_TYPE

_FRESH = {"Cache-Control": "no-store"}


def state_routes(desk: Desk) -> APIRouter:
    """GET /livez, /readyz, /metrics and /v1/status."""
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
        own = {"max_limit": desk.settings.max_limit}
        names = [name for name in StatusReply.model_fields if name not in own]
        fields = {name: getattr(found, name) for name in names} | own
        fields |= {
            name: without_paths(text) for name, text in fields.items() if isinstance(text, str)
        }
        return Response(msgspec.json.encode(fields), media_type="application/json", headers=_FRESH)

    @router.get(
        "/metrics",
        summary="Counters and gauges for Prometheus",
        response_class=Response,
        responses={200: {"content": {"text/plain": {}}}, **problems()},
        operation_id="metrics",
    )
    async def metrics() -> Response:
        """Of this process, as its pid label says; also while no index is open."""
        waiting = {
            "decoding": desk.decoders.waiting,
            "searching": desk.searchers.waiting,
            "dear": desk.dear.waiting,
            "reading": desk.readers.waiting,
            "writing": desk.writers.waiting,
        }
        vitals = None
        with contextlib.suppress(VitrineError):
            async with desk.serving.lease() as served:
                waiting["photos"] = served.batcher.waiting
                vitals = await desk.readers.run(served.engine.vitals)
        text = desk.metrics.text(vitals, waiting)
        return Response(text, media_type=MEDIA_TYPE, headers=_FRESH)

    return router


def _ok(generation: str | None) -> Response:
    body = msgspec.json.encode({"status": "ok", "generation": generation})
    return Response(body, media_type="application/json", headers=_FRESH)
