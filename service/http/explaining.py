"""Adds heat maps to the reply of a search by photo or item."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from indexer.errors import UnknownItem
from indexer.imaging.images import WHOLE, Box
from indexer.jsonbytes import decode_json_as
from search.recognition.explain import explain
from service.http.replies import ExplanationReply, HeatReply, SearchReply

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from search.recognition.explain import HeatMap
    from service.http.appstate import AppState
    from service.http.replies import HitReply
    from service.runtime.engine import Engine

MOST_EXPLAINED = 3  # hits: each is encoded 50 times, as is the query
EXPLAIN_COST = 40  # an explanation counts as this many searches

Picture = bytes | str
"""The bytes of a photo, or the id of an item whose main picture is the query."""


async def explained(
    state: AppState,
    search: Callable[[], Awaitable[bytes]],
    query: Picture,
    request: Request,
    box: Box = WHOLE,
) -> bytes:
    """Search, and return the reply with the heat maps of its first hits.

    ``box`` is the region of the query that is searched with, unless the reply names another. Raises
    HttpError (429) before the search if the client has too few searches left.
    """
    state.rates.take_search(request.scope, request.headers, EXPLAIN_COST)
    found = decode_json_as(await search(), SearchReply)
    async with state.serving.lease() as served:
        engine = served.engine
        region = found.cropped or box
        maps = await state.pools.styling.run(lambda: _explain(engine, found, query, region))
    return msgspec.json.encode(msgspec.structs.replace(found, explanations=maps))


def _explain(
    engine: Engine, reply: SearchReply, query: Picture, box: Box
) -> list[ExplanationReply]:
    pictures: list[tuple[HitReply, bytes]] = []
    for hit in reply.hits[:MOST_EXPLAINED]:
        try:
            pictures.append((hit, engine.thumbnail(hit.item_id, hit.image_index, hit.variant)))
        except UnknownItem:  # without a stored picture, or deleted since
            continue
    if not pictures:
        return []
    photo = engine.thumbnail(query) if isinstance(query, str) else query
    found = explain(engine.encoder, photo, [picture for _, picture in pictures], box)
    return [
        ExplanationReply(
            item_id=hit.item_id, query=_heat(explained.query), hit=_heat(explained.hit)
        )
        for (hit, _), explained in zip(pictures, found, strict=True)
    ]


def _heat(heat: HeatMap) -> HeatReply:
    values = [[round(float(value), 4) for value in row] for row in heat.values]
    return HeatReply(values=values, box=heat.box)
