"""Finds the things in a photo, and searches with the thing that the photo is meant to show."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from indexer.errors import BadImage
from indexer.imaging.images import WHOLE
from indexer.stopwatch import Stopwatch
from search.cost import COSTLY
from search.query import EmbeddingPart, ImagePart, Query
from search.recognition.autocrop import Meant, candidates, choose
from search.recognition.look import (
    find_things,
    search_box,
    with_hits,
    with_masks,
    without_hits,
    without_parts,
)
from search.searcher import milliseconds
from service.http.answering import check_limit, checked
from service.http.replies import recognize_reply, search_reply
from service.runtime.tracing import trace_search

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request

    from indexer.arrays import Embedding
    from indexer.imaging.photos import Photo
    from indexer.recognizers.base import Thing
    from search.recognition.autocrop import Candidate
    from search.recognition.look import Look
    from search.recognition.masks import MaskForm
    from service.http.appstate import AppState
    from service.runtime.engine import Engine

RECOGNIZE_COST = 3
"""Finding the things in a photo counts as this many searches."""


async def things_reply(
    state: AppState,
    image: bytes,
    query: Query | None,
    request: Request,
    most: int,
    masks: MaskForm | None = None,
) -> bytes:
    """Return the things in a photo as JSON, at most ``most``, with the hits of each.

    ``query`` has the filter and the limit of these hits; without it, no thing has hits. With
    ``masks``, the things have masks. Raises BadImage, BadQuery, RecognizerNotFound, and HttpError
    (429).
    """
    if query is not None:
        check_limit(state, query.limit)
    stopwatch = Stopwatch()
    root = request.scope.get("root_path", "")
    async with state.serving.lease() as served:
        photo = served.batcher.photos().photo(image)
        things = (await _things(state, photo))[:most]
        stopwatch.lap("recognize_ms")

        def finished(look: Look, things: Sequence[Thing]) -> bytes:
            if masks is not None:
                look = with_masks(look, photo, things, masks)
                stopwatch.lap("masks_ms")
            return _encoded(look, stopwatch, root)

        if masks is not None:
            state.rates.take_search(request.scope, request.headers, len(things))
        if query is None:
            look = without_hits(things)
            return await state.pools.decoding.run(lambda: finished(look, things))
        # Each thing is a search of its own.
        state.rates.take_search(request.scope, request.headers, len(things))
        boxes = [search_box(thing.box) for thing in things]
        vectors = await served.batcher.embed_boxes(photo, boxes)
        stopwatch.lap("encode_ms")
        engine, base_query = served.engine, query

        def work() -> bytes:
            look = with_hits(
                things, vectors, base_query, engine.search, engine.classifier.names(vectors)
            )
            stopwatch.lap("search_ms")
            return finished(*without_parts(look, things))

        pool = state.pools.costly if len(things) > COSTLY else state.pools.searching
        return await pool.run(work)


async def cropped_reply(state: AppState, query: Query, request: Request) -> bytes:
    """Return the reply to a query whose first part is a photo, with the thing that it shows.

    Raises the errors of ``answering.reply_to``, and RecognizerNotFound.
    """
    query, cost = checked(state, query)
    state.rates.take_search(request.scope, request.headers, int(cost) - 1 + RECOGNIZE_COST)
    (photo_part, *others) = query.parts
    assert isinstance(photo_part, ImagePart)
    assert isinstance(photo_part.image, bytes)
    pool = state.pools.costly if cost > COSTLY else state.pools.searching
    root = request.scope.get("root_path", "")
    async with state.serving.lease() as served:
        began = time.perf_counter()
        photo = served.batcher.photos().photo(photo_part.image)
        regions = candidates(await _things(state, photo))
        boxes = [WHOLE, *(region.box for region in regions)]
        whole, *crops = await served.batcher.embed_boxes(photo, boxes)
        photo_ms = (time.perf_counter() - began) * 1e3
        engine, metrics, base_query = served.engine, state.metrics, query

        def work() -> bytes:
            meant = _choose_region(engine, base_query, regions, whole, crops)
            parts = [EmbeddingPart(meant.vector, photo_part.weight), *others]
            began = time.monotonic()
            reply = engine.search(msgspec.structs.replace(base_query, parts=parts))
            trace_search(began, reply.timings)
            metrics.search(reply.mode, reply.timings, photo_ms)
            for stage in ("encode_ms", "total_ms"):
                reply.timings[stage] = round(reply.timings.get(stage, 0.0) + photo_ms, 3)
            return msgspec.json.encode(search_reply(reply, root=root, cropped=meant.box))

        return await pool.run(work)


def _choose_region(
    engine: Engine,
    query: Query,
    regions: Sequence[Candidate],
    whole: Embedding,
    crops: Sequence[Embedding],
) -> Meant:
    """Search with each region, and choose the one that the photo is meant to show."""

    if not regions:
        return Meant(None, whole)
    alone = [
        engine.search(Query(parts=[EmbeddingPart(vector)], filter=query.filter, limit=1))
        for vector in (whole, *crops)
    ]
    whole_score, *scores = [reply.hits[0].score if reply.hits else -1.0 for reply in alone]
    any_close = not all(reply.no_close_match for reply in alone)
    return choose(regions, whole, crops, whole_score, scores, any_close=any_close)


async def _things(state: AppState, photo: Photo) -> list[Thing]:
    def work() -> list[Thing]:
        try:
            return find_things(state.recognizer.get(), photo)
        except BadImage as error:
            error.param = error.param or "image"
            raise

    return await state.pools.decoding.run(work)


def _encoded(look: Look, stopwatch: Stopwatch, root: str) -> bytes:
    return msgspec.json.encode(recognize_reply(look, milliseconds(stopwatch), root=root))
