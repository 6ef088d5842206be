"""POST /v1/recognize: the things in an uploaded photo."""

from __future__ import annotations

from typing import NamedTuple

from fastapi import APIRouter, Request, Response

from search.query import Query
from search.recognition.masks import MaskForm
from service.http.appstate import AppState, bind
from service.http.middleware import cancel_on_disconnect
from service.http.openapi import body_of, problems, reply_of
from service.http.picture_schemas import RecognizeForm
from service.http.recognizing import RECOGNIZE_COST, things_reply
from service.http.replies import RecognizeReply
from service.http.uploads import parse_form
from service.query_builder import GivenFields, build_query

_INLINE_FORM = 4_000_000  # bytes; a larger body is parsed in a thread


def recognition_routes(state: AppState) -> APIRouter:
    """Return the route POST /v1/recognize."""
    router = APIRouter(prefix="/v1/recognize", tags=["search"])
    router.add_api_route(
        "",
        bind(recognize, state),
        methods=["POST"],
        summary="Find the things in an uploaded photo",
        responses=reply_of(RecognizeReply) | problems(408, 413, 415, 422, 429, 503),
        openapi_extra=body_of((RecognizeForm, "multipart/form-data")),
        operation_id="recognize",
    )
    return router


class _RecognizeRequest(NamedTuple):
    image: bytes
    query: Query | None
    most: int
    masks: MaskForm | None


async def recognize(state: AppState, request: Request) -> Response:
    """Find the product-like things in a photo, and with `search` the items that look like each.

    People and their faces are not things. A photo of nothing has none.
    """
    state.rates.take_search(request.scope, request.headers, RECOGNIZE_COST)
    body = await request.body()
    kind = request.headers.get("content-type", "")

    def read() -> _RecognizeRequest:
        return _read_form(body, kind)

    wanted = read() if len(body) <= _INLINE_FORM else await state.pools.decoding.run(read)
    work = things_reply(state, wanted.image, wanted.query, request, wanted.most, wanted.masks)
    return Response(await cancel_on_disconnect(request, work), media_type="application/json")


def _read_form(body: bytes, content_type: str) -> _RecognizeRequest:
    """Read the form. Raises ValidationError and BadQuery."""
    form = parse_form(body, content_type, is_file=lambda name: name == "image")
    given: dict[str, object] = {name: text for name, text in form.texts.items() if text != ""}
    if "image" in form.files:
        given["image"] = "photo"  # stands for the bytes, which the decoder checks
    fields = RecognizeForm.model_validate(given, strict=False)
    query = None
    if fields.search:
        query = build_query([], GivenFields(filter=fields.filter, limit=fields.limit))
    masks = None if fields.masks == "none" else fields.masks
    return _RecognizeRequest(form.files["image"], query, fields.most, masks)
