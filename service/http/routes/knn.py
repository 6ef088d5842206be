"""POST /knn-service: what clients of clip-retrieval send, answered from this shop.

Only for programs that exist already; new ones use /v1/search. Its fields for another encoder, such
as `use_mclip` or `aesthetic_score`, are accepted and ignored.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import msgspec
from fastapi import APIRouter, Request, Response

from indexer.errors import BadQuery
from indexer.fetching.policy import is_url
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
_FETCH_COST = 20  # plain searches that a photo behind a URL counts as
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
    given = knn_fields(await request.body())
    if given.get("image_url"):
        given["image"] = await _fetched(state, request, given)
    query = knn_query(given, state.settings.max_limit)
    body = await cancel_on_disconnect(request, reply_to(state, query, request))
    reply = decode_json_as(body, SearchReply)
    root = str(request.base_url).rstrip("/")
    found = [_result(hit, root) for hit in reply.hits]
    return Response(msgspec.json.encode(found), media_type="application/json")


async def _fetched(state: AppState, request: Request, given: Mapping[str, Any]) -> str:
    """Return the photo behind ``image_url`` as base64. Raises BadQuery, BadImage, Overloaded.

    Only some hosts may be asked, as for the pictures of written items.
    """
    url = given["image_url"]
    if state.query_photos is None or not isinstance(url, str) or not is_url(url):
        raise BadQuery(
            "image_url is not fetched; send the picture itself as base64 in image",
            param="image_url",
        )
    if given.get("image") is not None:
        raise BadQuery("expected image or image_url, got both", param="image_url")
    state.rates.take_search(request.scope, request.headers, _FETCH_COST - 1)
    return base64.b64encode(await state.query_photos.fetch(url)).decode("ascii")


def knn_fields(body: bytes) -> dict[str, Any]:
    """Return the fields of a body. Raises BadQuery and HttpError (413)."""
    check_marks(body)
    try:
        return decode_json_as(body, dict[str, Any])
    except msgspec.MsgspecError as error:
        raise BadQuery(f"expected a JSON object: {error}") from error


def knn_query(given: Mapping[str, Any], most: int) -> Query:
    """Return the query of these fields. Raises ValidationError, BadQuery and BadImage.

    Exactly one of `text`, `image` (base64) and `embedding_input` is needed. `num_images` is the
    limit, lowered to ``most`` because clients ask for thousands by default. Without `deduplicate`,
    items of one product are hits of their own.
    """
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
