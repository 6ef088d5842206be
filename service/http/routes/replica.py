"""Routes for replicas: what they ask of a primary. Not part of the public API.

The messages are MessagePack; the number in the path changes when they do.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import msgspec
from fastapi import APIRouter, Depends, Request, Response
from starlette.responses import FileResponse

from indexer.errors import BadQuery
from indexer.replication.messages import PROTOCOL, Feed
from indexer.replication.source import ReplicaSource
from indexer.shop.folder import ShopFolder
from indexer.store.replay import ValueKey
from search.personal.event_feed import EventFeed, EventSource
from service.apikey import Scope
from service.http.fresh_json import NO_STORE
from service.http.rates import AUDITED, IDLE_POLL
from service.http.secured import needs_key

if TYPE_CHECKING:
    from service.http.appstate import AppState

_Answer = Callable[[Callable[[], object]], Awaitable[Response]]


def replica_routes(state: AppState) -> APIRouter:
    """Return the routes below /v1/replica, which need a key of the scope admin."""

    async def leave_out_of_audit(request: Request) -> None:
        request.scope[AUDITED] = False  # a replica asks every second

    router = APIRouter(
        prefix=f"/v1/replica/{PROTOCOL}",
        include_in_schema=False,
        dependencies=[needs_key(state, Scope.ADMIN), Depends(leave_out_of_audit)],
    )
    source = ReplicaSource(ShopFolder(state.settings.shop))

    async def answer(work: Callable[[], object]) -> Response:
        found = await state.pools.reading.run(lambda: msgspec.msgpack.encode(work()))
        return Response(found, media_type="application/msgpack", headers=NO_STORE)

    @router.get("/feed")
    async def feed(request: Request, since: int, meta: str) -> Response:
        def work() -> Feed:
            found = source.feed(since, meta)
            request.scope[IDLE_POLL] = found.changes == [] and found.meta is None
            return found

        return await answer(work)

    @router.get("/items")
    async def items(after: str) -> Response:
        return await answer(lambda: source.items(after))

    @router.post("/values")
    async def values(request: Request) -> Response:
        body = await request.body()
        try:
            keys = msgspec.msgpack.decode(body, type=list[ValueKey])
        except msgspec.MsgspecError as error:
            raise BadQuery(f"expected the keys of values: {error}") from error
        return await answer(lambda: source.values(keys))

    @router.get("/logs")
    async def log_names(environment: str) -> Response:
        return await answer(lambda: source.log_names(environment))

    @router.get("/log")
    async def log_page(environment: str, database: str, after: str) -> Response:
        return await answer(lambda: source.log_page(environment, database, _key(after)))

    @router.get("/files/{path:path}")
    async def file(path: str) -> Response:
        found = await state.pools.reading.run(lambda: source.find_file(path))
        return FileResponse(found, media_type="application/octet-stream", headers=NO_STORE)

    _add_event_routes(router, EventSource(state.settings.shop), answer)
    return router


def _add_event_routes(router: APIRouter, events: EventSource, answer: _Answer) -> None:
    @router.get("/events")
    async def feed(request: Request, since: int) -> Response:
        def work() -> EventFeed:
            found = events.feed(max(0, since))
            request.scope[IDLE_POLL] = not found.events
            return found

        return await answer(work)

    @router.get("/event_pages")
    async def page(database: str, after: str) -> Response:
        return await answer(lambda: events.page(database, _key(after)))


def _key(digits: str) -> bytes:
    try:
        return bytes.fromhex(digits)
    except ValueError as error:
        raise BadQuery("after is a key in hexadecimal digits") from error
