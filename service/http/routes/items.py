"""GET routes of items: their fields, similar items, and their images."""

from __future__ import annotations

from contextlib import suppress
from hashlib import blake2b
from typing import Annotated
from urllib.parse import unquote

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from starlette.convertors import StringConvertor, register_url_convertor

from indexer.errors import UnknownItem
from indexer.imaging.images import LIMITS
from indexer.items import MAX_ID_BYTES
from search.filters.grammar import parse_filter
from search.item_reader import ItemPage
from search.personal.recommendation import RecommendQuery
from service.http.answering import check_limit, reply_to
from service.http.appstate import AppState, bind
from service.http.explaining import explained
from service.http.item_schemas import ImageParams, ItemsParams
from service.http.middleware import RAW_ID, cancel_on_disconnect
from service.http.openapi import BINARY, Responses, problems, reply_of
from service.http.personal_replies import RecommendReply, recommend_reply
from service.http.personal_schemas import TogetherParams
from service.http.preconditions import item_etag, names
from service.http.replies import ItemReply, ItemsReply, SearchReply, item_reply
from service.http.routes.styles import STRENGTH_HEADER, STYLE_COST
from service.http.schemas import SimilarParams
from service.http.styling import StyleOptions, style_photo
from service.query_builder import GivenPart, build_query
from service.runtime.engine import Engine
from service.runtime.resized import SizedImage, accepted_format

# After five minutes a browser shows what it has, and asks for a newer image meanwhile.
_CACHE = "public, max-age=300, stale-while-revalidate=86400"


class _ItemConvertor(StringConvertor):
    # Does not match the paths below an item: /v1/items/x/image is the image of x. The path of an
    # item with the id "x/image" is /v1/items/x%2Fimage.
    regex = r"(?!.+/(?:image|similar|bought-together|reviews|suggestions|draft)$).*"


def item_path() -> str:
    """Return the pattern of an item's path below /v1/items; an id may contain slashes."""
    register_url_convertor("item", _ItemConvertor())
    return "/{item_id:item}"


async def _item_id(  # not in a thread, which takes longer than the rest
    request: Request,
    item_id: Annotated[str, Path(description="The shop's own id, percent-encoded.")],
) -> str:
    if request.scope.get(RAW_ID):
        try:
            item_id = unquote(item_id, errors="strict")
        except UnicodeDecodeError:
            raise UnknownItem(
                f"no item {item_id!r} in this shop: an id is UTF-8", param="item_id"
            ) from None
    if not item_id or len(item_id.encode("utf-8", "replace")) > MAX_ID_BYTES:
        raise UnknownItem(
            f"no item {item_id[:80]!r} in this shop: an id has 1 to {MAX_ID_BYTES} bytes",
            param="item_id",
        )
    return item_id


ItemId = Annotated[str, Depends(_item_id)]
_UNCHANGED: Responses = {304: {"description": "It still has the `ETag` of `If-None-Match`."}}
_IMAGE: Responses = {
    200: {
        "description": "The image.",
        "content": {"image/jpeg": BINARY, "image/webp": BINARY, "image/avif": BINARY},
        "headers": STRENGTH_HEADER,
    },
    **_UNCHANGED,
}


def item_routes(state: AppState) -> APIRouter:
    """Return the routes GET /v1/items, /v1/items/{id}, and those of what is below an item."""
    router = APIRouter(prefix="/v1/items", tags=["items"])
    router.add_api_route(
        "",
        bind(items, state),
        summary="Some items to start from, or all items",
        responses=reply_of(ItemsReply) | problems(422, 503),
        operation_id="items",
    )
    # The longer paths come first, because an id may contain slashes.
    router.add_api_route(
        "/{item_id:path}/similar",
        bind(similar, state),
        summary="Similar items",
        responses=reply_of(SearchReply) | problems(401, 403, 404, 410, 422, 429, 503),
        operation_id="similar_items",
    )
    router.add_api_route(
        "/{item_id:path}/bought-together",
        bind(bought_together, state),
        summary="What is bought together with an item",
        responses=reply_of(RecommendReply) | problems(404, 422, 429, 503),
        operation_id="bought_together",
    )
    router.add_api_route(
        "/{item_id:path}/image",
        bind(image, state),
        summary="A stored image of an item",
        response_class=Response,
        responses={**_IMAGE, **problems(404, 422, 429, 503)},
        operation_id="item_image",
    )
    router.add_api_route(
        item_path(),
        bind(item, state),
        summary="One item",
        responses=reply_of(ItemReply) | _UNCHANGED | problems(404, 422, 503),
        operation_id="item",
    )
    return router


async def items(
    state: AppState, request: Request, params: Annotated[ItemsParams, Query()]
) -> Response:
    """Return items to start from, one of each category in turn; or all items, page by page."""
    check_limit(state, params.limit)
    root = request.scope.get("root_path", "")
    is_list = params.order == "id" or params.cursor is not None
    async with state.serving.lease() as served:
        engine = served.engine

        def read() -> ItemPage:
            if is_list:
                return engine.listed_items(params.cursor, params.limit)
            return ItemPage(engine.items(params.limit), engine.vitals().items, None)

        page = await state.pools.reading.run(read)
    items = [item_reply(item, root=root) for item in page.items]
    return _json(ItemsReply(items=items, total=page.total, next_cursor=page.next_cursor))


async def similar(
    state: AppState, request: Request, item_id: ItemId, params: Annotated[SimilarParams, Query()]
) -> Response:
    """Find items that look like this one, which is not among the hits.

    With a `user`, those that the user likes come first.
    """
    parts = [GivenPart(item_id=item_id)]
    if params.user is not None:
        state.rates.check_key(request.scope, request.headers)
        parts.append(GivenPart(user_id=params.user, weight=params.user_weight))
    query = build_query(parts, params)
    state.rates.take_search(request.scope, request.headers)
    if params.explain:
        work = explained(state, lambda: reply_to(state, query, request), item_id, request)
    else:
        work = reply_to(state, query, request, by_url=True)
    return Response(await cancel_on_disconnect(request, work), media_type="application/json")


async def bought_together(
    state: AppState, request: Request, item_id: ItemId, params: Annotated[TogetherParams, Query()]
) -> Response:
    """Return what is bought together with an item, best first, one item of each product.

    Items that look like it fill up; then `fallback` is `similar`.
    """
    check_limit(state, params.limit)
    state.rates.take_search(request.scope, request.headers)
    given = parse_filter(params.filter) if params.filter else None
    query = RecommendQuery(limit=params.limit, filter=given).check()
    root = request.scope.get("root_path", "")
    async with state.serving.lease() as served:
        engine = served.engine

        def work() -> bytes:
            found = engine.recommender.bought_together(item_id, query)
            return msgspec.json.encode(recommend_reply(found, root=root))

        reply = await cancel_on_disconnect(request, state.pools.searching.run(work))
    return Response(reply, media_type="application/json")


async def image(
    state: AppState, request: Request, item_id: ItemId, params: Annotated[ImageParams, Query()]
) -> Response:
    """Return the stored copy of an image: JPEG, upright, without metadata.

    It is at most 400 pixels a side; `size` makes it smaller.
    """
    headers = {"Cache-Control": _CACHE}
    async with state.serving.lease() as served:
        if params.style is None:
            engine = served.engine
            data = await state.pools.reading.run(
                lambda: engine.thumbnail(item_id, params.index, params.rendition)
            )
        else:
            data, strength = await _styled_image(state, request, served.engine, item_id, params)
            if strength is not None:
                headers["X-Style-Strength"] = f"{strength:g}"
    condition = request.headers.get("if-none-match", "")
    if params.size is None:
        headers["ETag"] = etag = f'"{blake2b(data, digest_size=16).hexdigest()}"'
        if names(condition, etag):
            return Response(status_code=304, headers=headers)
        return Response(data, media_type="image/jpeg", headers=headers)
    wanted = SizedImage(params.size, accepted_format(request.headers.get("accept", "")))
    etag = wanted.etag(data)
    headers |= {"ETag": etag, "Vary": "Accept"}
    if names(condition, etag):
        return Response(status_code=304, headers=headers)
    resized = state.resized.kept(etag)
    if resized is None:
        resized = await state.pools.reading.run(lambda: state.resized.resized(data, wanted))
    return Response(resized, media_type=f"image/{wanted.format}", headers=headers)


async def _styled_image(
    state: AppState, request: Request, engine: Engine, item_id: str, params: ImageParams
) -> tuple[bytes, float | None]:
    """Return an image in a style, as it is stored or rendered now, and its strength if known."""
    options = StyleOptions(params.style or "", params.strength)
    at = (item_id, params.index)

    def stored() -> tuple[bytes, bool, float | None]:
        """Return the image, whether it has the style already, and at which strength.

        An unknown item is reported before an unknown style.
        """
        found: tuple[bytes, bool, float | None] | None = None
        if options.strength is None:
            with suppress(UnknownItem):
                data = engine.thumbnail(*at, options.style)
                found = data, True, engine.rendition_strength(*at, options.style)
        found = found or (engine.thumbnail(*at), False, None)
        engine.style_registry.find(options.style)
        return found

    data, has_style, strength = await state.pools.reading.run(stored)
    if has_style:
        return data, strength
    state.rates.take_search(request.scope, request.headers, STYLE_COST)
    work = state.pools.styling.run(
        lambda: style_photo(engine.style_registry, data, options, LIMITS)
    )
    made = await cancel_on_disconnect(request, work)
    return made.data, made.strength


async def item(state: AppState, request: Request, item_id: ItemId) -> Response:
    """Return the fields of an item, and the URLs of its images.

    The `ETag` changes with the item; send it as `If-Match` when you change the item.
    """
    async with state.serving.lease() as served:
        engine = served.engine
        found = await state.pools.reading.run(lambda: engine.item(item_id))
    headers = {"ETag": item_etag(found), "Cache-Control": "no-cache"}
    if names(request.headers.get("if-none-match", ""), headers["ETag"]):
        return Response(status_code=304, headers=headers)
    reply = _json(item_reply(found, root=request.scope.get("root_path", "")))
    reply.headers.update(headers)
    return reply


def _json(reply: ItemReply | ItemsReply) -> Response:
    return Response(msgspec.json.encode(reply), media_type="application/json")
