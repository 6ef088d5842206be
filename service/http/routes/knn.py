"""POST /knn-service: what clients of clip-retrieval send, answered from this shop.

Only for programs that exist already; new ones use /v1/search. Its fields for another encoder, such
as `use_mclip` or `aesthetic_score`, are accepted and ignored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from fastapi import APIRouter, Request, Response

from indexer.errors import BadQuery
from indexer.jsonbytes import decode_json_as
from service.http.answering import reply_to
from service.http.appstate import AppState, bind
from service.http.json_body import check_marks
from service.http.middleware import cancel_on_disconnect
from service.http.replies import SearchReply
from service.http.schemas import PartBody, SearchBody
from service.query_builder import build_query

if TYPE_CHECKING:
    from collections.abc import Mapping

    from search.query import Query
    from service.http.replies import HitReply

KNN_PATH = "/knn-service"
INDEX_NAME = "vitrine"
_CONTENTS = {"text": "text", "image": "image", "embedding_input": "embedding"}


def knn_routes(state: AppState) -> APIRouter:
    """Return POST /knn-service and GET /indices-list, which are not in the OpenAPI document."""
    router = APIRouter(include_in_schema=False)
    router.add_api_route(KNN_PATH, bind(knn, state), methods=["POST"])
    router.add_api_route("/indices-list", indices, methods=["GET"])
    return router


async def indices() -> list[str]:
    """Return the names that `indice_name` may have."""
    return [INDEX_NAME]


async def knn(state: AppState, request: Request) -> Response:
    """Return the hits as clip-retrieval does: a list with `id`, `url`, `caption`, `similarity`.

    The body is JSON under any content type, as its client sends none.
    """
    state.rates.take_search(request.scope, request.headers)
    query = knn_query(await request.body(), state.settings.max_limit)
    body = await cancel_on_disconnect(request, reply_to(state, query, request))
    reply = decode_json_as(body, SearchReply)
    root = str(request.base_url).rstrip("/")
    found = [_result(hit, root) for hit in reply.hits]
    return Response(msgspec.json.encode(found), media_type="application/json")


def knn_query(body: bytes, most: int) -> Query:
    """Return the query of a body. Raises ValidationError, BadQuery, BadImage and HttpError (413).

    Exactly one of `text`, `image` (base64) and `embedding_input` is needed. `num_images` is the
    limit, lowered to ``most`` because clients ask for thousands by default. Without `deduplicate`,
    items of one product are hits of their own.
    """
    check_marks(body)
    try:
        given: Mapping[str, Any] = decode_json_as(body, dict[str, Any])
    except msgspec.MsgspecError as error:
        raise BadQuery(f"expected a JSON object: {error}") from error
    if given.get("image_url"):
        raise BadQuery(
            "image_url is not fetched; send the picture itself as base64 in image",
            param="image_url",
        )
    contents = {
        field: given[name] for name, field in _CONTENTS.items() if given.get(name) is not None
    }
    part = PartBody.model_validate(contents)
    wanted = given.get("num_images", 10)
    if not isinstance(wanted, int) or isinstance(wanted, bool) or wanted < 1:
        raise BadQuery(f"num_images must be a number from 1, got {wanted!r}", param="num_images")
    fields = SearchBody(
        parts=[part],
        limit=min(wanted, most),
        group="product" if given.get("deduplicate", True) else "item",
    )
    return build_query(fields.parts, fields)


def _result(hit: HitReply, root: str) -> dict[str, Any]:
    return {
        "id": hit.item_id,
        "url": root + hit.image_url,
        "caption": hit.title,
        "similarity": hit.score,
    }
