"""Searching: by JSON, or with an uploaded photo."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, Request, Response

from search.query import Query
from service.http.answering import reply_to
from service.http.appstate import AppState
from service.http.middleware import cancel_on_disconnect
from service.http.openapi import body_of, problems, reply_of
from service.http.problems import HttpError
from service.http.replies import SearchReply
from service.http.routes.binding import bind
from service.http.schemas import PhotoForm, SearchBody
from service.http.uploads import Form, parse_form
from service.query_builder import GivenPart, build_query, read_box

# Larger bodies are taken apart in a thread: a form is cut in 0.3 ms per MB, base64 takes 5 ms.
_INLINE_FORM = 4_000_000
_INLINE_JSON = 200_000
# Commas and brackets of a body: each may be a value, and takes twenty times its bytes and more
# once it is read. Sixteen vectors of 8,192 numbers and a filter of 10,000 values stay below.
_MOST_MARKS = 200_000


def search_routes(state: AppState) -> APIRouter:
    """POST /v1/search and /v1/search/image."""
    router = APIRouter(prefix="/v1/search", tags=["search"])
    router.add_api_route(
        "",
        bind(search, state),
        methods=["POST"],
        summary="Search by photo, words, items and vectors",
        responses=reply_of(SearchReply) | problems(404, 408, 409, 410, 413, 415, 422, 429, 503),
        openapi_extra=body_of((SearchBody, "application/json")),
        operation_id="search",
    )
    router.add_api_route(
        "/image",
        bind(search_image, state),
        methods=["POST"],
        summary="Search with an uploaded photo",
        responses=reply_of(SearchReply) | problems(408, 409, 410, 413, 415, 422, 429, 503),
        openapi_extra=body_of((PhotoForm, "multipart/form-data")),
        operation_id="search_image",
    )
    return router


async def search(state: AppState, request: Request) -> Response:
    """Find what is like all parts together; a part with a negative weight pushes away."""
    state.rates.take_search(request.scope, request.headers)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise HttpError(
            415,
            "unsupported_media_type",
            f"expected application/json, got {kind or 'no content type'}; "
            "photos as files go to /v1/search/image",
        )
    body = await request.body()
    small = len(body) <= _INLINE_JSON
    return await _reply(state, request, lambda: query_from_json(body), inline=small)


async def search_image(state: AppState, request: Request) -> Response:
    """Find what is like the photo, or like the region ``box`` of it."""
    state.rates.take_search(request.scope, request.headers)
    body = await request.body()
    kind = request.headers.get("content-type", "")
    small = len(body) <= _INLINE_FORM
    return await _reply(state, request, lambda: query_from_form(body, kind), inline=small)


async def _reply(
    state: AppState, request: Request, read: Callable[[], Query], *, inline: bool
) -> Response:
    query = read() if inline else await state.pools.decoding.run(read)
    work = reply_to(state, query, request)
    return Response(await cancel_on_disconnect(request, work), media_type="application/json")


def query_from_json(body: bytes) -> Query:
    """Return the query in a JSON body.

    Raises ValidationError, BadImage, BadQuery, and HttpError for more values than any query has.
    """
    if sum(map(body.count, (b",", b"[", b"{"))) > _MOST_MARKS:
        raise HttpError(
            413, "too_large", f"the body holds over {_MOST_MARKS} commas and brackets", param="body"
        )
    fields = SearchBody.model_validate_json(body or b"null")
    return build_query(fields.parts, fields)


def query_from_form(body: bytes, content_type: str) -> Query:
    """Return the query in a form with a photo. Raises what ``query_from_json`` does."""
    form = parse_form(body, content_type, is_file=lambda name: name == "image")
    fields = _checked(form)
    box = read_box(fields.box)
    parts = [GivenPart(image=form.files["image"], weight=fields.weight, box=box)]
    if fields.text is not None:
        parts.append(GivenPart(text=fields.text, weight=fields.text_weight))
    return build_query(parts, fields)


def _checked(form: Form) -> PhotoForm:
    given: dict[str, object] = dict(form.texts)
    if "image" in form.files:
        given["image"] = "photo"  # the bytes are judged by the decoder
    for name in ("text", "box", "filter", "facets", "cursor", "collapse"):
        if given.get(name) == "":  # a form sends its empty fields
            del given[name]
    return PhotoForm.model_validate(given, strict=False)
