"""From a checked request to the bytes of its reply."""

from __future__ import annotations

import asyncio
import base64
import binascii
import time
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

import msgspec
import numpy as np

from indexer.errors import BadImage, BadQuery
from indexer.imaging.images import WHOLE, Box
from search.cost import DEAR, cost_of
from search.filters import filter_from_json, parse_filter
from search.query import EmbeddingPart, ImagePart, ItemPart, Part, Query, TextPart
from service.http.problems import without_paths

if TYPE_CHECKING:
    from starlette.requests import Request

    from indexer.arrays import Embedding
    from indexer.items import Item
    from search.filters import Filter
    from search.hits import Reply
    from service.http.rates import Rates
    from service.http.schemas import PartBody, SearchBody
    from service.runtime.metrics import Metrics
    from service.runtime.serving import Engine, Served, Serving
    from service.runtime.workers import Workers
    from service.settings import Settings


class Desk(NamedTuple):
    """What the routes work with: one per app, handed in by ``create_app``."""

    settings: Settings
    serving: Serving
    decoders: Workers
    searchers: Workers
    dear: Workers  # for questions that would keep the others waiting
    readers: Workers
    writers: Workers
    metrics: Metrics
    rates: Rates


async def answer(desk: Desk, query: Query, request: Request) -> bytes:
    """The reply to a query as JSON. Photos are encoded in batches with those of other requests.

    The request, which has been counted as one search, says who asks. Raises HttpError (429) when
    the question costs more than its sender has left.
    """
    check_limit(desk, query.limit)
    most = desk.settings.max_collapsed
    if query.collapse is not None and query.limit > most:
        raise BadQuery(
            f"limit must be from 1 to {most} with collapse, got {query.limit}", param="limit"
        )
    query = query.check()
    cost = cost_of(query)
    desk.rates.take_search(request.scope, request.headers, int(cost) - 1)
    searchers = desk.dear if cost > DEAR else desk.searchers
    root = request.scope.get("root_path", "")
    async with desk.serving.lease() as served:
        began = time.perf_counter()
        embedded = await _embedded(served, query)
        photo_ms = (time.perf_counter() - began) * 1e3 if embedded is not query else 0.0
        engine = served.engine
        return await searchers.run(lambda: _search(desk, engine, embedded, photo_ms, root))


def check_limit(desk: Desk, limit: int) -> None:
    """Raise BadQuery where more is asked for than the settings allow."""
    most = desk.settings.max_limit
    if limit > most:
        raise BadQuery(f"limit must be from 1 to {most}, got {limit}", param="limit")


async def _embedded(served: Served, query: Query) -> Query:
    """The same query with embeddings in place of its photos."""
    photos = [
        (at, part.image, part.box)
        for at, part in enumerate(query.parts)
        if isinstance(part, ImagePart) and isinstance(part.image, bytes)
    ]
    if not photos:
        return query
    if len(photos) == 1:
        (_, image, box) = photos[0]
        vectors = [await _embed(served, image, box)]
    else:
        tasks = [asyncio.ensure_future(_embed(served, i, b)) for _, i, b in photos]
        try:
            vectors = await asyncio.gather(*tasks)
        finally:  # after one bad photo the others need not be encoded
            for task in tasks:
                task.cancel()
    parts = list(query.parts)
    for (at, _, _), vector in zip(photos, vectors, strict=True):
        parts[at] = EmbeddingPart(vector, parts[at].weight)  # (dim,)
    return msgspec.structs.replace(query, parts=parts)


async def _embed(served: Served, image: bytes, box: Box) -> Embedding:
    try:
        return await served.batcher.embed(image, box)
    except BadImage as error:
        error.param = error.param or "image"
        raise


def _search(desk: Desk, engine: Engine, query: Query, photo_ms: float, root: str) -> bytes:
    reply = engine.search(query)
    if photo_ms:
        for stage in ("encode_ms", "total_ms"):
            reply.timings[stage] = round(reply.timings.get(stage, 0.0) + photo_ms, 3)
    desk.metrics.search(reply)
    return reply_json(reply, root=root)


def reply_json(reply: Reply, *, root: str = "") -> bytes:
    """A reply as JSON, each hit with the address of its image; every field is always there."""
    hits = []
    for hit in reply.hits:
        fields = msgspec.structs.asdict(hit)
        fields["image_url"] = image_url(hit.item_id, hit.image_index, root=root)
        hits.append(fields)
    fields = {**msgspec.structs.asdict(reply), "encoder": without_paths(reply.encoder)}
    return msgspec.json.encode({**fields, "hits": hits})


def item_fields(item: Item, *, root: str = "") -> dict[str, object]:
    """An item with the addresses of its images; every field is always there."""
    urls = [image_url(item.item_id, index, root=root) for index in range(len(item.images))]
    return {**msgspec.structs.asdict(item), "image_urls": urls}


def image_url(item_id: str, index: int, *, root: str = "") -> str:
    """Where a stored image is served. Ids may hold anything, slashes included."""
    return f"{root}/v1/items/{quote(item_id, safe='')}/image?index={index}"


def query_of(body: SearchBody) -> Query:
    """The question in a request body. Raises BadImage, BadQuery."""
    return Query(
        parts=[_part(part, at) for at, part in enumerate(body.parts)],
        filter=filter_of(body.filter),
        limit=body.limit,
        group=body.group,
        facets=body.facets,
        cursor=body.cursor,
        collapse=body.collapse,
    )


def _part(part: PartBody, at: int) -> Part:
    if part.image is not None:
        return ImagePart(_bytes_of(part.image, at), part.weight, part.box or WHOLE)
    if part.text is not None:
        return TextPart(part.text, part.weight)
    if part.item_id is not None:
        return ItemPart(part.item_id, part.weight)
    with np.errstate(over="ignore"):  # beyond fp32 is infinite, and refused as that
        return EmbeddingPart(np.asarray(part.embedding, dtype=np.float32), part.weight)


def _bytes_of(text: str, at: int) -> bytes:
    if text.startswith("data:"):  # what a browser's FileReader gives
        text = text.partition(",")[2]
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadImage(f"image is not base64: {error}", param=f"parts.{at}.image") from None


def filter_of(value: object) -> Filter | None:
    """A filter from its string form or its JSON form; an empty string is no filter."""
    if value is None:
        return None
    if not isinstance(value, str):
        return filter_from_json(value)
    text = value.strip()
    if text.startswith("{"):
        try:
            return filter_from_json(msgspec.json.decode(text))
        except (msgspec.DecodeError, RecursionError) as error:
            raise BadQuery(f"the filter is not JSON: {error}", param="filter") from None
    return parse_filter(text) if text else None


def names_of(text: str | None) -> list[str]:
    """Names separated by commas, as a list without empty ones."""
    return [name for part in (text or "").split(",") if (name := part.strip())]


def box_of(text: str | None) -> Box:
    """A box from ``x0,y0,x1,y1``; the whole image when there is none. Raises BadImage."""
    if text is None or not text.strip():
        return WHOLE
    try:
        x0, y0, x1, y1 = (float(number) for number in text.split(","))
    except ValueError:
        raise BadImage(
            f"box must be four numbers x0,y0,x1,y1, got {text[:80]!r}", param="box"
        ) from None
    return x0, y0, x1, y1
