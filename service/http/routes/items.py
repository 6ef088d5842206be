"""Items: what they are, what is like them, how they look."""

from __future__ import annotations

from hashlib import blake2b
from typing import Annotated
from urllib.parse import unquote

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Request, Response

from indexer.errors import UnknownItem
from indexer.items import MAX_ID_BYTES
from search.query import ItemPart
from search.query import Query as Question
from service.http.answering import Desk, answer, check_limit, filter_of, item_fields, names_of
from service.http.edge import RAW_ID, unless_gone
from service.http.openapi import problems
from service.http.routes.itempath import item_path
from service.http.schemas import (
    ImageParams,
    ItemReply,
    ItemsParams,
    ItemsReply,
    SearchReply,
    SimilarParams,
)

_CACHE = "public, max-age=300"


def _item_id(
    request: Request,
    item_id: Annotated[str, Path(description="The shop's own id, percent-encoded.")],
) -> str:
    if request.scope.get(RAW_ID):
        try:
            item_id = unquote(item_id, errors="strict")
        except UnicodeDecodeError:
            raise UnknownItem(f"no item {item_id!r} here: not UTF-8", param="item_id") from None
    if not item_id or len(item_id.encode("utf-8", "replace")) > MAX_ID_BYTES:
        raise UnknownItem(
            f"no item {item_id[:80]!r} here: an id has 1 to {MAX_ID_BYTES} bytes", param="item_id"
        )
    return item_id


ItemId = Annotated[str, Depends(_item_id)]


def item_routes(desk: Desk) -> APIRouter:
    """GET /v1/items/{id}, its /similar and its /image."""
    router = APIRouter(prefix="/v1/items", tags=["items"])

    @router.get(
        "",
        summary="Some items to begin with",
        response_model=ItemsReply,
        responses=problems(422, 503),
        operation_id="items",
    )
    async def items(request: Request, params: Annotated[ItemsParams, Query()]) -> Response:
        """One item of each category in turn."""
        check_limit(desk, params.limit)
        root = request.scope.get("root_path", "")
        async with desk.serving.lease() as served:
            engine = served.engine
            found = await desk.readers.run(lambda: engine.items(params.limit))
        return _json({"items": [item_fields(item, root=root) for item in found]})

    # The longer paths come first: an id may itself contain slashes.
    @router.get(
        "/{item_id:path}/similar",
        summary="Items like this one",
        response_model=SearchReply,
        responses=problems(404, 410, 422, 429, 503),
        operation_id="similar_items",
    )
    async def similar(
        request: Request, item_id: ItemId, params: Annotated[SimilarParams, Query()]
    ) -> Response:
        """Find what looks like the item; the item itself is not among the hits."""
        question = Question(
            parts=[ItemPart(item_id)],
            filter=filter_of(params.filter),
            limit=params.limit,
            group=params.group,
            facets=names_of(params.facets),
            cursor=params.cursor,
            collapse=params.collapse,
        )
        desk.rates.take_search(request.scope, request.headers)
        work = answer(desk, question, request)
        return Response(await unless_gone(request, work), media_type="application/json")

    @router.get(
        "/{item_id:path}/image",
        summary="A stored image of an item",
        response_class=Response,
        responses={
            200: {
                "description": "The image.",
                "content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}},
            },
            304: {"description": "Not changed since the `ETag` of `If-None-Match`."},
            **problems(404, 422, 503),
        },
        operation_id="item_image",
    )
    async def image(
        request: Request, item_id: ItemId, params: Annotated[ImageParams, Query()]
    ) -> Response:
        """The image as the shop stored it: JPEG, upright, without metadata."""
        async with desk.serving.lease() as served:
            engine = served.engine
            data = await desk.readers.run(lambda: engine.thumbnail(item_id, params.index))
        etag = f'"{blake2b(data, digest_size=16).hexdigest()}"'
        headers = {"ETag": etag, "Cache-Control": _CACHE}
        if _matches(request.headers.get("if-none-match", ""), etag):
            return Response(status_code=304, headers=headers)
        return Response(data, media_type="image/jpeg", headers=headers)

    @router.get(
        item_path(),
        summary="One item",
        response_model=ItemReply,
        responses=problems(404, 422, 503),
        operation_id="item",
    )
    async def item(request: Request, item_id: ItemId) -> Response:
        """The item as the catalog says it, with the addresses of its images."""
        async with desk.serving.lease() as served:
            engine = served.engine
            found = await desk.readers.run(lambda: engine.item(item_id))
        return _json(item_fields(found, root=request.scope.get("root_path", "")))

    return router


def _json(fields: dict[str, object]) -> Response:
    return Response(msgspec.json.encode(fields), media_type="application/json")


def _matches(condition: str, etag: str) -> bool:
    tags = [tag.strip().removeprefix("W/") for tag in condition.split(",")]
    return "*" in tags or etag in tags
