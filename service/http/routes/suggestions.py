"""Routes of all suggestions of a shop: list them by attribute, and decide about many at once."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import msgspec
from fastapi import APIRouter, Request, Response
from fastapi import Query as QueryParams

from indexer.enrichment.decisions import SuggestionReview, review
from indexer.enrichment.suggestionlog import Decision, open_if_exists
from indexer.errors import UnknownItem
from indexer.shop.folder import ShopFolder
from service.apikey import Scope
from service.enriching import decide_many
from service.http.appstate import AppState, bind
from service.http.enrich_schemas import DecisionsBody, SuggestionsParams
from service.http.json_body import check_json_type, check_marks
from service.http.openapi import body_of, problems, reply_of
from service.http.secured import SECURED, needs_key
from service.http.suggestion_replies import (
    DecisionsReply,
    ListedSuggestion,
    SuggestionsReply,
)

if TYPE_CHECKING:
    from service.runtime.engine import Engine


def suggestion_routes(state: AppState) -> APIRouter:
    """Return GET and POST /v1/suggestions."""
    router = APIRouter(prefix="/v1/suggestions", tags=["items"])
    router.add_api_route(
        "",
        bind(list_suggestions, state),
        summary="The suggestions of the shop, by attribute",
        responses=reply_of(SuggestionsReply) | problems(401, 403, 422, 429, 503),
        openapi_extra=SECURED[Scope.WRITE],
        operation_id="list_suggestions",
        dependencies=[needs_key(state)],
    )
    router.add_api_route(
        "",
        bind(decide_suggestions, state),
        methods=["POST"],
        summary="Accept or refuse many suggested values",
        responses=reply_of(DecisionsReply) | problems(401, 403, 404, 413, 415, 422, 429, 503, 507),
        openapi_extra=body_of((DecisionsBody, "application/json")) | SECURED[Scope.WRITE],
        operation_id="decide_suggestions",
        dependencies=[needs_key(state)],
    )
    return router


async def list_suggestions(
    state: AppState, params: Annotated[SuggestionsParams, QueryParams()]
) -> Response:
    """Count the suggestions of `vitrine enrich` by attribute, and list the surest of one.

    Suggestions are read by rules: they are not the shop's own words, and shoppers do not see them.
    """

    async with state.serving.lease() as served:
        engine = served.engine

        def work() -> bytes:
            log = open_if_exists(state.settings.shop)
            if log is None:
                return msgspec.json.encode(SuggestionsReply(attributes=[], suggestions=[]))
            with log:
                found = review(log.everything(), params.attribute, params.state, params.limit)
            return msgspec.json.encode(_reply(found, engine))

        reply = await state.pools.reading.run(work)
    return Response(reply, media_type="application/json")


async def decide_suggestions(state: AppState, request: Request) -> Response:
    """Accept or refuse suggested values, all or none.

    If one of them is not suggested for its item, nothing is decided. Decisions hold when the shop
    is enriched again. The items' own fields do not change.
    """
    check_json_type(request)
    body = await request.body()
    check_marks(body)
    wanted = DecisionsBody.model_validate_json(body or b"{}").decisions
    async with state.serving.lease() as served:
        engine = served.engine

        def work() -> bytes:
            decisions: dict[str, list[Decision]] = {}
            for one in wanted:
                name = engine.item(one.item_id).item_id
                made = Decision(one.attribute, one.value, one.accepted)
                decisions.setdefault(name, []).append(made)
            decide_many(ShopFolder(state.settings.shop), decisions)
            return msgspec.json.encode(DecisionsReply(decided=len(wanted)))

        reply = await state.pools.writing.run(work)
    await state.serving.refresh()
    return Response(reply, media_type="application/json")


def _reply(found: SuggestionReview, engine: Engine) -> SuggestionsReply:
    """Add the titles of items; suggestions of items that were deleted since are left out."""
    titles: dict[str, str] = {}
    for name in {one.item_id for one in found.listed}:
        with suppress(UnknownItem):
            titles[name] = engine.item(name).title
    return SuggestionsReply(
        attributes=found.attributes,
        suggestions=[
            ListedSuggestion(
                item_id=name,
                title=titles[name],
                suggestion=suggested.suggestion,
                accepted=suggested.accepted,
                by=suggested.by,
            )
            for name, suggested in found.listed
            if name in titles
        ],
    )
