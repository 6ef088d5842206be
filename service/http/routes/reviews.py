"""The GET route of what customers write about an item."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request, Response

from indexer.enrichment.reviewlog import open_if_exists
from indexer.enrichment.summary import summarize
from service.http.appstate import AppState, bind
from service.http.item_schemas import ReviewsParams
from service.http.middleware import cancel_on_disconnect
from service.http.openapi import problems, reply_of
from service.http.review_replies import ReviewReply, ReviewsReply
from service.http.routes.items import ItemId


def review_routes(state: AppState) -> APIRouter:
    """Return GET /v1/items/{id}/reviews; it must come before GET of items."""
    router = APIRouter(prefix="/v1/items", tags=["items"])
    router.add_api_route(
        "/{item_id:path}/reviews",
        bind(reviews, state),
        summary="The reviews of an item",
        responses=reply_of(ReviewsReply) | problems(404, 422, 429, 503),
        operation_id="item_reviews",
    )
    return router


async def reviews(
    state: AppState, request: Request, item_id: ItemId, params: Annotated[ReviewsParams, Query()]
) -> Response:
    """Return the reviews of an item and of its product, the newest first, and their summary.

    Moods and aspects are estimated; `model` names what found them. Sentences are quotations.
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
                    found = log.about([item.item_id, item.product_id])
            reply = ReviewsReply(
                item_id=item.item_id,
                summary=summarize(found),
                reviews=[ReviewReply.of(review) for review in found[: params.limit]],
            )
            return msgspec.json.encode(reply)

        reply = await cancel_on_disconnect(request, state.pools.reading.run(work))
    return Response(reply, media_type="application/json")
