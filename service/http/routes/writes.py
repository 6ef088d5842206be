"""Writing items: put, patch and delete, one or many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from fastapi import APIRouter, Depends, Request, Response

from indexer.errors import BadImage, BadQuery, UnknownItem
from indexer.imaging.images import ImageLimits
from indexer.writing.writes import Draft, Outcome
from service.http.openapi import body_of, problems
from service.http.routes.itempath import item_path
from service.http.routes.items import ItemId
from service.http.write_schemas import (
    DeleteBody,
    ItemsBody,
    ItemsForm,
    OutcomeReply,
    PatchBody,
    PatchForm,
    WriteReply,
)
from service.http.writing import Pictures, drafts_of, patch_of, read_body, reply_json

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from service.http.answering import Desk
    from service.runtime.serving import Served

_REFUSALS = problems(401, 403, 408, 413, 415, 422, 429, 503, 507)
_SECURED: dict[str, Any] = {"security": [{"writeKey": []}]}


def write_routes(desk: Desk) -> APIRouter:
    """PUT /v1/items, PATCH and DELETE /v1/items/{id}, POST /v1/items/delete."""
    settings = desk.settings
    limits = ImageLimits(settings.max_megapixels, settings.max_upload_mb)

    def has_key(request: Request) -> None:
        """Before the body is read: who may not write may not fill the memory either."""
        desk.rates.check_key(request.scope, request.headers)

    router = APIRouter(prefix="/v1/items", tags=["items"], dependencies=[Depends(has_key)])

    @router.put(
        "",
        summary="Add or change items",
        response_model=WriteReply,
        responses=_REFUSALS,
        openapi_extra={
            **body_of(ItemsBody, "application/json", (ItemsForm, "multipart/form-data")),
            **_SECURED,
        },
        operation_id="put_items",
    )
    async def put_items(request: Request) -> Response:
        """Store items; all others stay as they are. The reply says of each what became of it.

        Of an item that is there already, fields that are not given stay; null clears a field.
        When it comes, everything that is not `refused` is on disk and is found by searches.
        """
        return _json(await _put(request, "items", drafts_of))

    @router.post(
        "/delete",
        summary="Delete items",
        response_model=WriteReply,
        responses=_REFUSALS,
        openapi_extra={**body_of(DeleteBody, "application/json"), **_SECURED},
        operation_id="delete_items",
    )
    async def delete_items(request: Request) -> Response:
        """Delete items by id; those that the shop does not have are `unknown`."""
        body = await request.body()
        kind = request.headers.get("content-type", "")
        checked = await desk.decoders.run(lambda: _ids(body, kind))
        return _json(await _delete(checked))

    @router.patch(
        item_path(),
        summary="Change fields of an item",
        response_model=OutcomeReply,
        responses={**_REFUSALS, **problems(404)},
        openapi_extra={
            **body_of(PatchBody, "application/json", (PatchForm, "multipart/form-data")),
            **_SECURED,
        },
        operation_id="patch_item",
    )
    async def patch_item(request: Request, item_id: ItemId) -> Response:
        """Change what is given (JSON Merge Patch): null is back to the default."""

        def drafts(data: object, pictures: Pictures) -> Sequence[Draft | Outcome]:
            return [patch_of(item_id, data, pictures)]

        return _one(await _put(request, "item", drafts))

    @router.delete(
        item_path(),
        summary="Delete an item",
        response_model=OutcomeReply,
        responses={**_REFUSALS, **problems(404)},
        openapi_extra=_SECURED,
        operation_id="delete_item",
    )
    async def delete_item(item_id: ItemId) -> Response:
        """Delete an item: it is found no more, and its images go when no kept index has them."""
        return _one(await _delete([item_id]))

    async def _put(
        request: Request,
        field: str,
        drafts: Callable[[object, Pictures], Sequence[Draft | Outcome]],
    ) -> list[Outcome]:
        body = await request.body()
        kind = request.headers.get("content-type", "")
        async with desk.serving.lease() as served:
            dim = served.engine.encoder.dim

            def work() -> list[Outcome]:
                data, files = read_body(body, kind, field)
                pictures = Pictures(files, settings.image_root, limits, dim)
                return _write(served, drafts(data, pictures), limits)

            outcomes = await desk.writers.run(work)
        await desk.serving.refresh()
        return outcomes

    async def _delete(ids: Sequence[str]) -> list[Outcome]:
        async with desk.serving.lease() as served:
            outcomes = await desk.writers.run(lambda: served.engine.delete(ids))
        await desk.serving.refresh()
        return outcomes

    return router


def _ids(body: bytes, content_type: str) -> list[str]:
    data, _ = read_body(body, content_type, "ids")
    return DeleteBody.model_validate(data).ids


def _write(served: Served, drafts: Sequence[Draft | Outcome], limits: ImageLimits) -> list[Outcome]:
    """Store the drafts; outcomes that are known already keep their places."""
    good = [one for one in drafts if isinstance(one, Draft)]
    written = iter(served.engine.put(good, limits=limits, encode=served.batcher.encode))
    return [one if isinstance(one, Outcome) else next(written) for one in drafts]


def _one(outcomes: list[Outcome]) -> Response:
    """The outcome of a write to one item, or the problem that it is."""
    (outcome,) = outcomes
    if outcome.status == "unknown":
        raise UnknownItem(f"no item {outcome.item_id[:80]!r} in this shop", param="item_id")
    if outcome.status == "refused" and outcome.images:
        first = outcome.images[0]
        raise BadImage(f"{outcome.reason}; {first.image}: {first.reason}", param="images")
    if outcome.status == "refused":
        raise BadQuery(outcome.reason)
    return Response(msgspec.json.encode(outcome), media_type="application/json")


def _json(outcomes: list[Outcome]) -> Response:
    return Response(reply_json(outcomes), media_type="application/json")
