"""GET routes of the service's state: alive, ready, status and metrics."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Annotated

from fastapi import APIRouter, Query, Response

from indexer.errors import VitrineError
from search.status import Vitals
from service.http.appstate import AppState, bind
from service.http.fresh_json import NO_STORE, fresh_json
from service.http.openapi import problems, reply_of
from service.http.replies import HealthReply, StatusReply, status_reply
from service.runtime.metrics import MEDIA_TYPE

_GAUGES_S = 1.0


def state_routes(state: AppState) -> APIRouter:
    """Return the routes GET /livez, /readyz, /metrics and /v1/status."""
    router = APIRouter(tags=["state"])
    router.add_api_route(
        "/livez",
        bind(livez, state),
        summary="Whether the process is alive",
        responses=reply_of(HealthReply) | problems(),
        operation_id="livez",
    )
    router.add_api_route(
        "/readyz",
        bind(readyz, state),
        summary="Whether the service can answer",
        responses=reply_of(HealthReply) | problems(503),
        operation_id="readyz",
    )
    router.add_api_route(
        "/v1/status",
        bind(status, state),
        summary="What the service serves",
        responses=reply_of(StatusReply) | problems(503),
        operation_id="status",
    )
    router.add_api_route(
        "/metrics",
        bind(metrics, state),
        summary="Counters and gauges for Prometheus",
        response_class=Response,
        responses={200: {"content": {"text/plain": {}}}, **problems(422)},
        operation_id="metrics",
    )
    return router


async def livez(state: AppState) -> Response:  # noqa: ARG001 - like all handlers
    """Reply ok; if the event loop is stuck, there is no reply."""
    return fresh_json(HealthReply())


async def readyz(state: AppState) -> Response:
    """Reply ok if an index is open and can be searched, or else a problem with the reason."""
    async with state.serving.lease() as served:
        # In a thread of its own: a server of vectors may take a while, and no pool may refuse it.
        await asyncio.to_thread(served.engine.check_ready)
        return fresh_json(HealthReply(generation=served.engine.generation))


async def status(state: AppState) -> Response:
    """Return the serving generation, its encoder and its counts."""
    async with state.serving.lease() as served:
        found = await state.pools.reading.run(served.engine.status)
    return fresh_json(status_reply(found, max_limit=state.settings.max_limit))


async def metrics(
    state: AppState,
    per_worker: Annotated[
        bool, Query(description="Of several worker processes: the series of each, not the sums.")
    ] = False,
) -> Response:
    """Return the metrics, even if no index is open.

    Those of a single process have the label `pid`; those of several workers are summed.
    """
    vitals, waiting = await gauges(state)
    text = state.metrics.text(vitals, waiting, per_worker=per_worker)
    return Response(text, media_type=MEDIA_TYPE, headers=NO_STORE)


async def gauges(state: AppState) -> tuple[Vitals | None, dict[str, int]]:
    """Return what the gauges of this process show: see ``Metrics.observe``."""
    waiting = state.pools.waiting()
    vitals = None
    with contextlib.suppress(VitrineError):
        async with state.serving.lease() as served:
            waiting["photos"] = served.batcher.waiting
            vitals = await state.pools.reading.run(served.engine.vitals)
    return vitals, waiting


async def observe_gauges_forever(state: AppState) -> None:
    """Set the gauges of this process every second, for the other workers, until canceled."""
    while True:
        state.metrics.observe(*await gauges(state))
        await asyncio.sleep(_GAUGES_S)
