"""Routes that write items: put, patch and delete."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
from fastapi import APIRouter, Request, Response

from indexer.errors import BadImage, BadQuery, UnknownItem
from indexer.imaging.images import ImageLimits
from indexer.items import Item
from indexer.writing.writes import Draft, Outcome
from service.apikey import Scope
from service.http.appstate import AppState, bind
from service.http.fetching import Fetched, fetch_all, urls_of
from service.http.openapi import IF_MATCH, body_of, problems, reply_of
from service.http.preconditions import check_of
from service.http.problems import HttpError
from service.http.replies import WriteReply, write_reply
from service.http.routes.items import ItemId, item_path
from service.http.secured import SECURED, needs_key
from service.http.write_schemas import DeleteBody, ItemsBody, ItemsForm, PatchBody, PatchForm
from service.http.writing import ImageFinder, drafts_of, patch_of, read_body
from service.runtime.serving import Served

DraftsOf = Callable[[object, ImageFinder], Sequence[Draft | Outcome]]

_REFUSALS = problems(401, 403, 408, 413, 415, 422, 429, 503, 507)
_SECURED = SECURED[Scope.WRITE]
_PUT = body_of((ItemsBody, "application/json"), (ItemsForm, "multipart/form-data"))
_PATCH = body_of((PatchBody, "application/json"), (PatchForm, "multipart/form-data"))
_DELETE = body_of((DeleteBody, "application/json"))


def write_routes(state: AppState) -> APIRouter:
    """Return the routes PUT /v1/items, PATCH and DELETE /v1/items/{id}, POST /v1/items/delete."""

    router = APIRouter(prefix="/v1/items", tags=["items"], dependencies=[needs_key(state)])
    router.add_api_route(
        "",
        bind(put_items, state),
        methods=["PUT"],
        summary="Add or change items",
        responses=reply_of(WriteReply) | _REFUSALS,
        openapi_extra=_PUT | _SECURED,
        operation_id="put_items",
    )
    router.add_api_route(
        "/delete",
        bind(delete_items, state),
        methods=["POST"],
        summary="Delete items",
        responses=reply_of(WriteReply) | _REFUSALS,
        openapi_extra=_DELETE | _SECURED,
        operation_id="delete_items",
    )
    router.add_api_route(
        item_path(),
        bind(patch_item, state),
        methods=["PATCH"],
        summary="Change fields of an item",
        responses=reply_of(Outcome) | _REFUSALS | problems(404, 412),
        openapi_extra=_PATCH | _SECURED | IF_MATCH,
        operation_id="patch_item",
    )
    router.add_api_route(
        item_path(),
        bind(delete_item, state),
        methods=["DELETE"],
        summary="Delete an item",
        responses=reply_of(Outcome) | _REFUSALS | problems(404, 412),
        openapi_extra=_SECURED | IF_MATCH,
        operation_id="delete_item",
    )
    return router


async def put_items(state: AppState, request: Request) -> Response:
    """Store items; other items do not change. The reply has the outcome for each item.

    If an item exists, omitted fields keep their values, and null clears a field. When the reply
    arrives, all items that are not `refused` are on disk, and searches find them.
    """
    if "if-match" in request.headers:
        raise HttpError(
            422, "invalid_request", "If-Match is for one item: send it with PATCH", param="If-Match"
        )
    return _many(await _store(state, request, "items", drafts_of))


async def delete_items(state: AppState, request: Request) -> Response:
    """Delete items by id; the outcome of an id that the shop does not have is `unknown`."""
    body = await request.body()
    kind = request.headers.get("content-type", "")
    item_ids = await state.pools.decoding.run(lambda: _item_ids(body, kind))
    return _many(await _delete(state, item_ids))


async def patch_item(state: AppState, request: Request, item_id: ItemId) -> Response:
    """Change the given fields (JSON Merge Patch); null resets a field to its default.

    With `If-Match` and the `ETag` of the item as it was read, the reply is 412 if the item has
    changed since.
    """

    check = check_of(request.headers.get("if-match"))

    def drafts(data: object, finder: ImageFinder) -> Sequence[Draft | Outcome]:
        draft = patch_of(item_id, data, finder)
        return [draft if check is None else draft._replace(make=_after(check, draft.make))]

    return _single(await _store(state, request, "item", drafts))


async def delete_item(state: AppState, request: Request, item_id: ItemId) -> Response:
    """Delete an item. Its images are deleted once no kept index contains them.

    With `If-Match` and the `ETag` of the item as it was read, the reply is 412 if the item has
    changed since.
    """
    check = check_of(request.headers.get("if-match"))
    return _single(await _delete(state, [item_id], check))


def _after(
    check: Callable[[Item | None], None], make: Callable[[Item | None], Item]
) -> Callable[[Item | None], Item]:
    """Return ``make`` with ``check`` before it, for ``Draft.make``."""

    def checked(item: Item | None) -> Item:
        check(item)
        return make(item)

    return checked


async def _store(state: AppState, request: Request, field: str, drafts: DraftsOf) -> list[Outcome]:
    """Store the items of a body; in a form, ``field`` contains the JSON."""
    body = await request.body()
    kind = request.headers.get("content-type", "")
    settings = state.settings
    limits = ImageLimits(settings.max_megapixels, settings.max_upload_mb)
    fetched = await _fetched(state, body, kind, field)
    async with state.serving.lease() as served:
        dim = served.engine.encoder.dim

        def work() -> list[Outcome]:
            data, files = read_body(body, kind, field)
            finder = ImageFinder(files, settings.image_root, limits, dim, fetched)
            return _put(served, drafts(data, finder), limits)

        outcomes = await state.pools.writing.run(work)
    await state.serving.refresh()
    return outcomes


async def _fetched(state: AppState, body: bytes, kind: str, field: str) -> Fetched:
    """Fetch what the items of a body name by URL, before the thread that writes is needed."""
    if state.fetcher is None:
        return {}
    urls = await state.pools.decoding.run(lambda: urls_of(read_body(body, kind, field)[0]))
    return await fetch_all(state.fetcher, urls)


async def _delete(
    state: AppState,
    item_ids: Sequence[str],
    check: Callable[[Item | None], None] | None = None,
) -> list[Outcome]:
    async with state.serving.lease() as served:
        outcomes = await state.pools.writing.run(lambda: served.engine.delete(item_ids, check))
    await state.serving.refresh()
    return outcomes


def _put(served: Served, drafts: Sequence[Draft | Outcome], limits: ImageLimits) -> list[Outcome]:
    """Store the drafts; return all outcomes in order, those that were known before included."""
    good = [draft for draft in drafts if isinstance(draft, Draft)]
    written = iter(served.engine.put(good, limits=limits, encode=served.batcher.encode))
    return [draft if isinstance(draft, Outcome) else next(written) for draft in drafts]


def _item_ids(body: bytes, content_type: str) -> list[str]:
    data, _ = read_body(body, content_type, "ids")
    return DeleteBody.model_validate(data).ids


def _single(outcomes: list[Outcome]) -> Response:
    """Return the outcome of a write to one item. Raises UnknownItem, BadImage or BadQuery."""
    (outcome,) = outcomes
    if outcome.status == "unknown":
        raise UnknownItem(f"no item {outcome.item_id[:80]!r} in this shop", param="item_id")
    if outcome.status == "refused" and outcome.images:
        first = outcome.images[0]
        raise BadImage(f"{outcome.reason}; {first.image}: {first.reason}", param="images")
    if outcome.status == "refused":
        raise BadQuery(outcome.reason)
    return Response(msgspec.json.encode(outcome), media_type="application/json")


def _many(outcomes: list[Outcome]) -> Response:
    return Response(msgspec.json.encode(write_reply(outcomes)), media_type="application/json")
