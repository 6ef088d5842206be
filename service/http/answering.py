"""Answers a query: checks its cost, encodes its photos, searches, and encodes the reply."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import msgspec

from indexer.errors import BadImage, BadQuery
from search.cost import DEAR, cost_of
from search.query import EmbeddingPart, ImagePart
from service.http.replies import search_reply

if TYPE_CHECKING:
    from starlette.requests import Request

    from indexer.arrays import Embedding
    from indexer.imaging.images import Box
    from indexer.imaging.photos import Photo
    from search.query import CheckedQuery, Query
    from service.http.appstate import AppState
    from service.runtime.engine import Engine
    from service.runtime.metrics import Metrics
    from service.runtime.serving import Served


async def reply_to(state: AppState, query: Query, request: Request) -> bytes:
    """Return the reply to a query as JSON.

    The request was counted as one search already. Raises BadQuery for a limit that is too large,
    and HttpError (429) if the query costs more searches than its client has left.
    """
    query, cost = checked(state, query)
    state.rates.take_search(request.scope, request.headers, int(cost) - 1)
    pool = state.pools.dear if cost > DEAR else state.pools.searching
    root = request.scope.get("root_path", "")
    async with state.serving.lease() as served:
        began = time.perf_counter()
        embedded = await _embed_photos(served, query)
        photo_ms = (time.perf_counter() - began) * 1e3 if embedded is not query else 0.0
        engine, metrics = served.engine, state.metrics
        return await pool.run(lambda: _search(engine, metrics, embedded, photo_ms, root))


def checked(state: AppState, query: Query) -> tuple[CheckedQuery, float]:
    """Return the query as checked, and its cost in plain searches. Raises BadQuery."""
    check_limit(state, query.limit)
    most = state.settings.max_collapsed
    if query.collapse is not None and query.limit > most:
        raise BadQuery(
            f"limit must be from 1 to {most} with collapse, got {query.limit}", param="limit"
        )
    found = query.check()
    return found, cost_of(found)


def check_limit(state: AppState, limit: int) -> None:
    """Raise BadQuery if the limit is larger than the settings allow."""
    most = state.settings.max_limit
    if limit > most:
        raise BadQuery(f"limit must be from 1 to {most}, got {limit}", param="limit")


async def _embed_photos(served: Served, query: Query) -> Query:
    """Return the query with its photos replaced by their embeddings."""
    images = [
        (at, part.image, part.box)
        for at, part in enumerate(query.parts)
        if isinstance(part, ImagePart) and isinstance(part.image, bytes)
    ]
    if not images:
        return query
    shared = served.batcher.photos()
    photos = [shared.photo(image) for _, image, _ in images]
    boxes = [box for _, _, box in images]
    if len(photos) == 1:
        vectors = [await _embed(served, photos[0], boxes[0])]
    else:
        tasks = [
            asyncio.ensure_future(_embed(served, photo, box))
            for photo, box in zip(photos, boxes, strict=True)
        ]
        try:
            vectors = await asyncio.gather(*tasks)
        finally:  # if a photo is bad, the others need not be encoded
            for task in tasks:
                task.cancel()
    parts = list(query.parts)
    for (at, _, _), vector in zip(images, vectors, strict=True):
        parts[at] = EmbeddingPart(vector, parts[at].weight)  # (dim,)
    return msgspec.structs.replace(query, parts=parts)


async def _embed(served: Served, photo: Photo, box: Box) -> Embedding:
    try:
        return await served.batcher.embed(photo, box)
    except BadImage as error:
        error.param = error.param or "image"
        raise


def _search(engine: Engine, metrics: Metrics, query: Query, photo_ms: float, root: str) -> bytes:
    reply = engine.search(query)
    if photo_ms:
        for stage in ("encode_ms", "total_ms"):
            reply.timings[stage] = round(reply.timings.get(stage, 0.0) + photo_ms, 3)
    metrics.search(reply)
    return msgspec.json.encode(search_reply(reply, root=root))
