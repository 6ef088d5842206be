"""Routes of what is suggested for an item, the operator's decisions about it, and drafts."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec
from fastapi import APIRouter, Request, Response

from indexer.drafting.draft import Draft, write_draft
from indexer.enrichment.suggestionlog import Decision, ItemSuggestions, open_if_exists
from indexer.shop.folder import ShopFolder
from service.apikey import Scope
from service.enriching import decide
from service.http.appstate import AppState, bind
from service.http.enrich_schemas import DecisionBody, DraftBody
from service.http.json_body import check_json_type, check_marks
from service.http.middleware import cancel_on_disconnect
from service.http.openapi import body_of, problems, reply_of
from service.http.routes.items import ItemId
from service.http.secured import SECURED, needs_key

if TYPE_CHECKING:
    from pydantic import BaseModel

    Body = TypeVar("Body", bound=BaseModel)


def enrich_routes(state: AppState) -> APIRouter:
    """Return /v1/items/{id}/suggestions and /draft; they must come before GET of items."""
    router = APIRouter(prefix="/v1/items", tags=["items"])
    router.add_api_route(
        "/{item_id:path}/suggestions",
        bind(suggestions, state),
        summary="Attributes that the texts and pictures of an item suggest",
        responses=reply_of(ItemSuggestions) | problems(404, 422, 429, 503),
        operation_id="item_suggestions",
    )
    router.add_api_route(
        "/{item_id:path}/suggestions",
        bind(decide_suggestion, state),
        methods=["POST"],
        summary="Accept or refuse a suggested value",
        responses=reply_of(ItemSuggestions) | problems(401, 403, 404, 413, 415, 422, 429, 503, 507),
        openapi_extra=body_of((DecisionBody, "application/json")) | SECURED[Scope.WRITE],
        operation_id="decide_suggestion",
        dependencies=[needs_key(state)],
    )
    router.add_api_route(
        "/{item_id:path}/draft",
        bind(draft, state),
        methods=["POST"],
        summary="Draft a text of an item from its own facts",
        responses=reply_of(Draft) | problems(404, 413, 415, 422, 429, 503),
        openapi_extra=body_of((DraftBody, "application/json")),
        operation_id="draft_item",
    )
    return router


async def suggestions(state: AppState, request: Request, item_id: ItemId) -> Response:
    """Return what `vitrine enrich` suggested for an item, the surest first.

    A suggestion is read by a rule: it is not the shop's own word. `source` says where it is from;
    `taxonomy` is a category of the Shopify product taxonomy. An accepted value was sure enough for
    the operator's rule, or accepted by the operator. Items can be filtered by it, as
    `suggested.NAME`.
    """
    state.rates.take_search(request.scope, request.headers)
    async with state.serving.lease() as served:
        engine = served.engine

        def work() -> bytes:
            item = engine.item(item_id)
            log = open_if_exists(state.settings.shop)
            found = []
            if log is not None:
                with log:
                    found = log.of(item.item_id)
            return msgspec.json.encode(ItemSuggestions(item.item_id, found))

        reply = await cancel_on_disconnect(request, state.pools.reading.run(work))
    return Response(reply, media_type="application/json")


async def decide_suggestion(state: AppState, request: Request, item_id: ItemId) -> Response:
    """Accept a suggested value of an item, or refuse it; return all that is suggested for it.

    The decision holds when the shop is enriched again. The item's own fields do not change.
    """
    body = await _body(request, DecisionBody)
    async with state.serving.lease() as served:
        engine = served.engine

        def work() -> bytes:
            name = engine.item(item_id).item_id
            decision = Decision(body.attribute, body.value, body.accepted)
            found = decide(ShopFolder(state.settings.shop), name, decision)
            return msgspec.json.encode(ItemSuggestions(name, found))

        reply = await state.pools.writing.run(work)
    await state.serving.refresh()
    return Response(reply, media_type="application/json")


async def draft(state: AppState, request: Request, item_id: ItemId) -> Response:
    """Draft a text of an item from its own fields: a suggestion that nothing stores.

    Each of its `sentences` has the places of its facts in `facts`. Each fact has the field that it
    is from.
    """
    state.rates.take_search(request.scope, request.headers)
    body = await _body(request, DraftBody)
    async with state.serving.lease() as served:
        engine = served.engine

        def work() -> bytes:
            item = engine.item(item_id)
            made = write_draft(item, body.language, body.tone, body.length, body.seed)
            return msgspec.json.encode(made)

        reply = await cancel_on_disconnect(request, state.pools.searching.run(work))
    return Response(reply, media_type="application/json")


async def _body(request: Request, model: type[Body]) -> Body:
    check_json_type(request)
    body = await request.body()
    check_marks(body)
    return model.model_validate_json(body or b"{}")
