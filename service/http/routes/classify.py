"""POST /v1/classify: what an uploaded photo shows."""

from __future__ import annotations

import msgspec
from fastapi import APIRouter, Request, Response

from indexer.errors import BadImage
from search.recognition.classification import COLOR_SIDE, Classification
from service.http.appstate import AppState, bind
from service.http.middleware import cancel_on_disconnect
from service.http.openapi import body_of, problems, reply_of
from service.http.picture_schemas import ClassifyForm
from service.http.replies import ClassifyReply
from service.http.uploads import parse_form


def classify_routes(state: AppState) -> APIRouter:
    """Return the route POST /v1/classify."""
    router = APIRouter(tags=["search"])
    router.add_api_route(
        "/v1/classify",
        bind(classify, state),
        methods=["POST"],
        summary="The category, attributes and colors of an uploaded photo",
        responses=reply_of(ClassifyReply) | problems(408, 413, 415, 422, 429, 503),
        openapi_extra=body_of((ClassifyForm, "multipart/form-data")),
        operation_id="classify",
    )
    return router


async def classify(state: AppState, request: Request) -> Response:
    """Categories and attributes are those of the shop's catalog; unsure ones are left out."""
    state.rates.take_search(request.scope, request.headers)
    body = await request.body()
    kind = request.headers.get("content-type", "")
    image, least = await state.pools.decoding.run(lambda: _read(body, kind))
    found = await cancel_on_disconnect(request, _classify(state, image, least))
    return Response(msgspec.json.encode(found), media_type="application/json")


async def _classify(state: AppState, image: bytes, least: float) -> Classification:
    async with state.serving.lease() as served:
        classifier = served.engine.classifier
        photo = served.batcher.photos().photo(image)
        try:
            vector = await served.batcher.embed(photo)  # (dim,)
        except BadImage as error:
            error.param = error.param or "image"
            raise
        return await state.pools.searching.run(
            lambda: classifier.classify(vector, photo.cut(side=COLOR_SIDE), least)
        )


def _read(body: bytes, content_type: str) -> tuple[bytes, float]:
    """Return the photo and the least confidence. Raises ValidationError, BadImage, HttpError."""
    form = parse_form(body, content_type, is_file=lambda name: name == "image")
    given: dict[str, object] = {name: text for name, text in form.texts.items() if text != ""}
    if "image" in form.files:
        given["image"] = "photo"  # stands for the bytes, which the decoder checks
    fields = ClassifyForm.model_validate(given, strict=False)
    return form.files["image"], fields.min_confidence
