"""Searching: by JSON, or with an uploaded photo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response

from search.query import ImagePart, Part, Query, TextPart
from service.http.answering import Desk, answer, box_of, filter_of, names_of, query_of
from service.http.edge import unless_gone
from service.http.openapi import body_of, problems
from service.http.problems import HttpError
from service.http.schemas import PhotoForm, SearchBody, SearchReply
from service.http.uploads import parse_form

if TYPE_CHECKING:
    from collections.abc import Callable

    from service.http.uploads import Form

# Larger bodies are taken apart in a thread: a form is cut in 0.3 ms per MB, base64 takes 5 ms.
_INLINE_FORM = 4_000_000
_INLINE_JSON = 200_000
# Commas and brackets of a body: each may be a value, and takes twenty times its bytes and more
# once it is read. Sixteen vectors of 8,192 numbers and a filter of 10,000 values stay below.
_MOST_MARKS = 200_000


def search_routes(desk: Desk) -> APIRouter:
    """POST /v1/search and /v1/search/image."""
    router = APIRouter(prefix="/v1/search", tags=["search"])

    @router.post(
        "",
        summary="Search by photo, words, items and vectors",
        response_model=SearchReply,
        responses=problems(404, 408, 409, 410, 413, 415, 422, 429, 503),
        openapi_extra=body_of(SearchBody, "application/json"),
        operation_id="search",
    )
    async def search(request: Request) -> Response:
        """Find what is like all parts together; a part with a negative weight pushes away."""
        desk.rates.take_search(request.scope, request.headers)
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise HttpError(
                415,
                "unsupported_media_type",
                f"expected application/json, got {kind or 'no content type'}; "
                "photos as files go to /v1/search/image",
            )
        body = await request.body()
        return await _reply(
            request, lambda: query_of(_checked(body)), inline=len(body) <= _INLINE_JSON
        )

    @router.post(
        "/image",
        summary="Search with an uploaded photo",
        response_model=SearchReply,
        responses=problems(408, 409, 410, 413, 415, 422, 429, 503),
        openapi_extra=body_of(PhotoForm, "multipart/form-data"),
        operation_id="search_image",
    )
    async def search_image(request: Request) -> Response:
        """Find what is like the photo, or like the region ``box`` of it."""
        desk.rates.take_search(request.scope, request.headers)
        body = await request.body()
        kind = request.headers.get("content-type", "")
        return await _reply(
            request, lambda: _form_query(body, kind), inline=len(body) <= _INLINE_FORM
        )

    async def _reply(request: Request, read: Callable[[], Query], *, inline: bool) -> Response:
        query = read() if inline else await desk.decoders.run(read)
        work = answer(desk, query, request)
        return Response(await unless_gone(request, work), media_type="application/json")

    return router


def _checked(body: bytes) -> SearchBody:
    """Raises ValidationError, and HttpError for more values than any question has."""
    if sum(map(body.count, (b",", b"[", b"{"))) > _MOST_MARKS:
        raise HttpError(
            413, "too_large", f"the body holds over {_MOST_MARKS} commas and brackets", param="body"
        )
    return SearchBody.model_validate_json(body or b"null")


def _form_query(body: bytes, content_type: str) -> Query:
    form = parse_form(body, content_type, is_file=lambda name: name == "image")
    fields = _checked_form(form)
    parts: list[Part] = [ImagePart(form.files["image"], fields.weight, box_of(fields.box))]
    if fields.text is not None:
        parts.append(TextPart(fields.text, fields.text_weight))
    return Query(
        parts=parts,
        filter=filter_of(fields.filter),
        limit=fields.limit,
        group=fields.group,
        facets=names_of(fields.facets),
        cursor=fields.cursor,
        collapse=fields.collapse,
    )


def _checked_form(form: Form) -> PhotoForm:
    given: dict[str, object] = dict(form.texts)
    if "image" in form.files:
        given["image"] = "photo"  # the bytes are judged by the decoder
    for name in ("text", "box", "filter", "facets", "cursor", "collapse"):
        if given.get(name) == "":  # a form sends its empty fields
            del given[name]
    return PhotoForm.model_validate(given, strict=False)
