"""Routes of searches: by JSON, by words in the URL, or with an uploaded photo."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Request, Response
from fastapi import Query as QueryParams

from indexer.errors import BadQuery
from indexer.imaging.images import Box, check_box
from search.query import ImagePart, Query
from service.http.answering import reply_to
from service.http.appstate import AppState, bind
from service.http.boxes import boxes_reply
from service.http.explaining import explained
from service.http.json_body import PHOTO_HINT, check_json_type, check_marks
from service.http.middleware import cancel_on_disconnect
from service.http.openapi import body_of, photo_body, problems, reply_of
from service.http.problems import HttpError
from service.http.recognizing import cropped_reply
from service.http.replies import BatchReply, SearchReply
from service.http.routes.batch import search_batch
from service.http.schemas import BatchBody, PhotoForm, PhotoParams, SearchBody, WordsParams
from service.http.uploads import Form, parse_form
from service.http.verifying import ordered_by_words, verified
from service.query_builder import GivenPart, build_query, read_box

# Larger bodies are parsed in a thread: a form takes 0.3 ms per MB, JSON with base64 5 ms.
_INLINE_FORM = 4_000_000
_INLINE_JSON = 200_000
_MAY_BE_EMPTY = (
    "text", "auto_crop", "filter", "facets", "cursor", "collapse", "sort", "min_score",
    "min_confidence", "exclude", "swatches",
)  # fmt: skip
_RAW = ("image/", "application/octet-stream")  # content types of a body that is the photo itself


def search_routes(state: AppState) -> APIRouter:
    """Return the routes GET and POST /v1/search, POST /v1/search/batch and /v1/search/image."""
    router = APIRouter(prefix="/v1/search", tags=["search"])
    router.add_api_route(
        "",
        bind(search, state),
        methods=["POST"],
        summary="Search by photo, words, items and vectors",
        responses=reply_of(SearchReply)
        | problems(401, 403, 404, 408, 409, 410, 413, 415, 422, 429, 503),
        openapi_extra=body_of((SearchBody, "application/json")),
        operation_id="search",
    )
    router.add_api_route(
        "",
        bind(search_words, state),
        methods=["GET"],
        summary="Search by words",
        responses=reply_of(SearchReply) | problems(410, 422, 429, 503),
        operation_id="search_words",
    )
    router.add_api_route(
        "/batch",
        bind(search_batch, state),
        methods=["POST"],
        summary="Several searches at once",
        responses=reply_of(BatchReply) | problems(408, 413, 415, 422, 429, 503),
        openapi_extra=body_of((BatchBody, "application/json")),
        operation_id="search_batch",
    )
    router.add_api_route(
        "/image",
        bind(search_image, state),
        methods=["POST"],
        summary="Search with an uploaded photo",
        responses=reply_of(SearchReply) | problems(408, 409, 410, 413, 415, 422, 429, 503),
        openapi_extra=photo_body(),
        operation_id="search_image",
    )
    return router


async def search(state: AppState, request: Request) -> Response:
    """Find items like all parts together, and unlike parts with a negative weight.

    A part with a `user_id` needs the write key, because the hits reveal what the user looked at.
    """
    state.rates.take_search(request.scope, request.headers)
    check_json_type(request, PHOTO_HINT)
    body = await request.body()
    small = len(body) <= _INLINE_JSON
    return await _reply(state, request, lambda: query_from_json(body), inline=small)


async def search_words(
    state: AppState, request: Request, params: Annotated[WordsParams, QueryParams()]
) -> Response:
    """Find items by words, with the fields of a search as parameters of the URL."""
    state.rates.take_search(request.scope, request.headers)
    return await _reply(
        state, request, lambda: build_query([GivenPart(text=params.q)], params), inline=True
    )


async def search_image(
    state: AppState, request: Request, params: Annotated[PhotoParams, QueryParams()]
) -> Response:
    """Find items like the photo, or like the region ``box`` of it.

    Several boxes are several searches: `groups` has the hits of each.
    The photo is a file in a form with the other fields, or it is the body, with the other fields as
    parameters of the URL.
    """
    state.rates.take_search(request.scope, request.headers)
    body = await request.body()
    kind = request.headers.get("content-type", "")
    if kind.strip().lower().startswith(_RAW):
        return await _photo_reply(state, request, query_from_photo(body, params))
    # Generated clients send the defaults of all parameters along with the form.
    if given := params.model_dump(exclude_defaults=True, by_alias=True):
        raise HttpError(
            422,
            "invalid_request",
            "with a form, the other fields are fields of the form, not parameters of the URL",
            param=next(iter(given)),
        )
    small = len(body) <= _INLINE_FORM

    def read() -> PhotoQuery:
        return query_from_form(body, kind)

    photo_query = read() if small else await state.pools.decoding.run(read)
    return await _photo_reply(state, request, photo_query)


async def _photo_reply(state: AppState, request: Request, photo_query: PhotoQuery) -> Response:
    if len(photo_query.boxes) > 1:
        several = boxes_reply(state, photo_query.query, photo_query.boxes, request)
        reply_bytes = await cancel_on_disconnect(request, several)
        return Response(reply_bytes, media_type="application/json")
    reply = cropped_reply if photo_query.auto_crop else reply_to
    search_first = partial(reply, state, photo_query.query, request)
    photo = photo_query.query.parts[0]
    assert isinstance(photo, ImagePart)
    assert isinstance(photo.image, bytes)
    if photo_query.ocr:
        search_first = partial(
            ordered_by_words, state, search_first, photo.image, request, photo.box
        )
    if photo_query.verify:
        search_first = partial(verified, state, search_first, photo.image, request, photo.box)
    if photo_query.explain:
        search_first = partial(explained, state, search_first, photo.image, request, photo.box)
    work = search_first()
    return Response(await cancel_on_disconnect(request, work), media_type="application/json")


async def _reply(
    state: AppState, request: Request, read: Callable[[], Query], *, inline: bool
) -> Response:
    query = read() if inline else await state.pools.decoding.run(read)
    if any(part.is_private for part in query.parts):
        state.rates.check_key(request.scope, request.headers)
    work = reply_to(state, query, request)
    return Response(await cancel_on_disconnect(request, work), media_type="application/json")


def query_from_json(body: bytes) -> Query:
    """Return the query in a JSON body.

    Raises ValidationError, BadImage and BadQuery, and HttpError (413) for too many values.
    """
    check_marks(body)
    fields = SearchBody.model_validate_json(body or b"null")
    return build_query(fields.parts, fields)


class PhotoQuery(NamedTuple):
    """A query whose first part is a photo.

    With several ``boxes``, each is a search of its own. ``auto_crop`` is whether to search with the
    thing that is meant, ``explain`` whether to explain the hits, ``verify`` whether to compare
    them with the photo point by point, and ``ocr`` whether to reorder them by the words in it.
    """

    query: Query
    boxes: list[Box]
    auto_crop: bool
    explain: bool
    verify: bool
    ocr: bool


def query_from_form(body: bytes, content_type: str) -> PhotoQuery:
    """Return the query in a form with a photo. Raises the errors of ``query_from_json``."""
    form = parse_form(
        body,
        content_type,
        is_file=lambda name: name == "image",
        texts=PhotoForm.model_fields,
        lists=("box",),
        or_else=", or a photo as image/jpeg",
    )
    fields = _checked(form)
    boxes = _boxes(fields)
    if fields.auto_crop and boxes:
        raise BadQuery("auto_crop and box exclude each other", param="auto_crop")
    if fields.auto_crop and fields.weight <= 0:
        raise BadQuery("auto_crop needs a photo with a positive weight", param="auto_crop")
    box = boxes[0] if boxes else None
    parts = [GivenPart(image=form.files["image"], weight=fields.weight, box=box)]
    if fields.text is not None:
        parts.append(GivenPart(text=fields.text, weight=fields.text_weight))
    query = build_query(parts, fields)
    return PhotoQuery(query, boxes, fields.auto_crop, fields.explain, fields.verify, fields.ocr)


def query_from_photo(body: bytes, params: PhotoParams) -> PhotoQuery:
    """Return the query of a photo and parameters of the URL. Raises BadImage and BadQuery."""
    boxes = _boxes(params)
    parts = [GivenPart(image=body, box=boxes[0] if boxes else None)]
    if params.text:
        parts.append(GivenPart(text=params.text))
    query = build_query(parts, params)
    return PhotoQuery(
        query, boxes, auto_crop=False, explain=params.explain, verify=False, ocr=False
    )


def _boxes(fields: PhotoForm | PhotoParams) -> list[Box]:
    """Return the boxes of a request. Raises BadImage; BadQuery if an option allows only one box."""
    found = [box for text in fields.box if (box := read_box(text)) is not None]
    if len(found) < 2:
        return found
    verifies = isinstance(fields, PhotoForm) and fields.verify
    reads = isinstance(fields, PhotoForm) and fields.ocr
    excluding = {
        "explain": fields.explain,
        "verify": verifies,
        "ocr": reads,
        "cursor": fields.cursor is not None,
    }
    for name in (name for name, given in excluding.items() if given):
        raise BadQuery(f"{name} needs a search with one box, got {len(found)}", param=name)
    return [check_box(box) for box in found]


def _checked(form: Form) -> PhotoForm:
    given: dict[str, object] = {**form.texts, **form.lists}
    if "image" in form.files:
        given["image"] = "photo"  # stands for the bytes, which the decoder checks
    for name in _MAY_BE_EMPTY:
        if given.get(name) == "":  # browsers send empty fields too
            del given[name]
    return PhotoForm.model_validate(given, strict=False)
