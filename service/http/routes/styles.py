"""Routes of styles: list them, and render a photo in one of them."""

from __future__ import annotations

import msgspec
from fastapi import APIRouter, Request, Response

from indexer.errors import BadImage
from indexer.imaging.images import ImageLimits
from service.http.appstate import AppState, bind
from service.http.middleware import cancel_on_disconnect
from service.http.openapi import BINARY, Responses, body_of, problems, reply_of
from service.http.picture_schemas import StyleForm
from service.http.problems import HttpError
from service.http.replies import StyleReply, StylesReply
from service.http.styling import StyledPicture, StyleOptions, style_photo
from service.http.uploads import Form, parse_form

STYLE_COST = 20  # styling a picture counts as this many searches, because it takes as long
STRENGTH_HEADER = {
    "X-Style-Strength": {
        "description": "Of an image in a style: the strength that it has.",
        "schema": {"type": "number"},
    },
}
_STYLED: Responses = {
    200: {
        "description": "The styled photo, without metadata.",
        "content": {"image/jpeg": BINARY, "image/png": BINARY},
        "headers": {
            **STRENGTH_HEADER,
            "X-Mask-Confidence": {
                "description": "With `background_strength`: how sure it is where the product is, "
                "from 0 to 1. Below 0.5 the whole photo has one strength.",
                "schema": {"type": "number"},
            },
        },
    },
}


def style_routes(state: AppState) -> APIRouter:
    """Return GET /v1/styles and POST /v1/style."""
    router = APIRouter(tags=["styles"])
    router.add_api_route(
        "/v1/styles",
        bind(styles, state),
        summary="The styles that pictures can be rendered in",
        responses=reply_of(StylesReply) | problems(503),
        operation_id="styles",
    )
    router.add_api_route(
        "/v1/style",
        bind(style, state),
        methods=["POST"],
        summary="Render an uploaded photo in a style",
        response_class=Response,
        responses=_STYLED | problems(408, 413, 415, 422, 429, 503),
        openapi_extra=body_of((StyleForm, "multipart/form-data")),
        operation_id="style",
    )
    return router


async def styles(state: AppState) -> Response:
    """By name. The images of `indexed` styles are stored, and found by searches."""
    async with state.serving.lease() as served:
        engine = served.engine
        indexed = set(await state.pools.reading.run(engine.styles))
        listed = await state.pools.reading.run(lambda: engine.style_registry.styles())
    reply = StylesReply(
        styles=[
            StyleReply(info.name, info.kind, info.strength, info.name in indexed) for info in listed
        ]
    )
    return Response(msgspec.json.encode(reply), media_type="application/json")


async def style(state: AppState, request: Request) -> Response:
    """Nothing is stored. The result is reduced to at most 2,048 pixels a side.

    The style is one that `/v1/styles` lists. With `style_image` instead, the photo takes the colors
    and the strokes of that picture.
    """
    state.rates.take_search(request.scope, request.headers, STYLE_COST)
    body = await request.body()
    kind = request.headers.get("content-type", "")
    settings = state.settings
    limits = ImageLimits(settings.max_megapixels, settings.max_upload_mb)
    async with state.serving.lease() as served:
        engine = served.engine

        def work() -> StyledPicture:
            form = parse_form(
                body,
                kind,
                is_file=lambda name: name in ("image", "style_image"),
                texts=StyleForm.model_fields,
            )
            options = _options(form)
            try:
                return style_photo(engine.style_registry, form.files["image"], options, limits)
            except BadImage as error:
                error.param = error.param or "image"
                raise

        made = await cancel_on_disconnect(request, state.pools.styling.run(work))
    return styled_response(made)


def styled_response(made: StyledPicture) -> Response:
    """Return a styled picture as it is sent."""
    headers = {"X-Style-Strength": f"{made.strength:g}", "Cache-Control": "no-store"}
    if made.mask_confidence is not None:
        headers["X-Mask-Confidence"] = f"{made.mask_confidence:g}"
    return Response(made.data, media_type=made.media_type, headers=headers)


def _options(form: Form) -> StyleOptions:
    given: dict[str, object] = {name: text for name, text in form.texts.items() if text != ""}
    for name in form.files:
        given[name] = "photo"  # stands for the bytes, which the decoder checks
    fields = StyleForm.model_validate(given, strict=False)
    if (fields.style is None) == (fields.style_image is None):
        raise HttpError(422, "invalid_request", "give either style or style_image", param="style")
    return StyleOptions(
        fields.style or "",
        fields.strength,
        fields.background_strength,
        fields.seed,
        fields.format,
        form.files.get("style_image"),
    )
