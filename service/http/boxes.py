"""Searches with several regions of one photo."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from indexer.errors import BadImage
from search.cost import COSTLY
from search.query import EmbeddingPart, ImagePart
from service.http.answering import checked
from service.http.replies import BoxReply, search_reply
from service.runtime.tracing import trace_search

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request

    from indexer.arrays import Embedding
    from indexer.imaging.images import Box
    from search.query import CheckedQuery, Query
    from service.http.appstate import AppState
    from service.http.replies import SearchReply
    from service.runtime.serving import Served


async def boxes_reply(
    state: AppState, query: Query, boxes: Sequence[Box], request: Request
) -> bytes:
    """Return the reply to a query whose first part is a photo, with a group of hits for each box.

    The boxes are encoded in one batch, and each counts as a search. The other fields of the
    reply are those of the first box. Raises the errors of ``answering.reply_to``.
    """
    query, cost = checked(state, query)
    state.rates.take_search(request.scope, request.headers, int(cost * len(boxes)) - 1)
    pool = state.pools.costly if cost * len(boxes) > COSTLY else state.pools.searching
    root = request.scope.get("root_path", "")
    async with state.serving.lease() as served:
        began = time.perf_counter()
        vectors = await _embed(served, query, boxes)
        photo_ms = (time.perf_counter() - began) * 1e3

        def work() -> bytes:
            replies = [_search(state, served, query, vector, root) for vector in vectors]
            first = replies[0]
            for stage in ("encode_ms", "total_ms"):
                first.timings[stage] = round(first.timings.get(stage, 0.0) + photo_ms, 3)
            groups = [_group(box, reply) for box, reply in zip(boxes, replies, strict=True)]
            return msgspec.json.encode(msgspec.structs.replace(first, groups=groups))

        return await pool.run(work)


async def _embed(served: Served, query: CheckedQuery, boxes: Sequence[Box]) -> list[Embedding]:
    photo = query.parts[0]
    assert isinstance(photo, ImagePart)
    assert isinstance(photo.image, bytes)
    try:
        found = await served.batcher.embed_boxes(
            served.batcher.photos().photo(photo.image), list(boxes)
        )
    except BadImage as error:
        error.param = error.param or "image"
        raise
    return list(found)


def _search(
    state: AppState, served: Served, query: CheckedQuery, vector: Embedding, root: str
) -> SearchReply:
    (photo, *others) = query.parts
    parts = [EmbeddingPart(vector, photo.weight), *others]  # (dim,)
    began = time.monotonic()
    reply = served.engine.search(msgspec.structs.replace(query, parts=parts))
    trace_search(began, reply.timings)
    state.metrics.search(reply.mode, reply.timings)
    return search_reply(reply, root=root)


def _group(box: Box, reply: SearchReply) -> BoxReply:
    return BoxReply(
        box=box,
        hits=reply.hits,
        total=reply.total,
        products=reply.products,
        facets=reply.facets,
        no_close_match=reply.no_close_match,
        next_cursor=reply.next_cursor,
    )
