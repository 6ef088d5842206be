"""POST /v1/campaign: draws a campaign picture of an item."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, NamedTuple

from fastapi import APIRouter, Request, Response
from PIL import Image

from indexer.errors import BadImage
from indexer.imaging.images import ImageLimits
from indexer.imaging.photos import Photo
from service.adverts import advert_of
from service.http.appstate import AppState, bind
from service.http.json_body import check_json_type
from service.http.middleware import cancel_on_disconnect
from service.http.openapi import BINARY, Responses, body_of, problems
from service.http.picture_schemas import CampaignBody
from service.http.problems import HttpError
from service.http.routes.styles import STYLE_COST
from style.campaign.poster import Look, Poster, draw_poster
from style.campaign.template import Template, template_from
from style.errors import BadTemplate, StyleError

if TYPE_CHECKING:
    from service.runtime.engine import Engine

COST = 2 * STYLE_COST
_MOST_JSON = 100_000  # bytes of a body: a template is small
_DRAWN: Responses = {
    200: {
        "description": "The picture.",
        "content": {"image/jpeg": BINARY, "image/png": BINARY},
        "headers": {
            "X-Text-Contrast": {
                "description": "The least contrast of the text, as WCAG 2.2 defines it.",
                "schema": {"type": "number"},
            },
            "X-Title-Shortened": {
                "description": "`true` if the title did not fit.",
                "schema": {"type": "boolean"},
            },
        },
    },
}


class _Drawn(NamedTuple):
    data: bytes
    poster: Poster


def campaign_routes(state: AppState) -> APIRouter:
    """Return POST /v1/campaign."""
    router = APIRouter(tags=["styles"])
    router.add_api_route(
        "/v1/campaign",
        bind(campaign, state),
        methods=["POST"],
        summary="Draw an advertising picture of an item",
        response_class=Response,
        responses=_DRAWN | problems(404, 408, 413, 415, 422, 429, 503),
        openapi_extra=body_of((CampaignBody, "application/json")),
        operation_id="campaign",
    )
    return router


async def campaign(state: AppState, request: Request) -> Response:
    """Draw product, title, price and old price; nothing is stored.

    The fields of a template are those of the files that `vitrine campaign` reads.
    """
    state.rates.take_search(request.scope, request.headers, COST)
    check_json_type(request)
    body = await request.body()
    if len(body) > _MOST_JSON:
        raise HttpError(
            413, "too_large", f"the body has {len(body)} bytes, at most {_MOST_JSON} are read"
        )
    fields = CampaignBody.model_validate_json(body or b"null")
    template = _template(fields)
    limits = ImageLimits(state.settings.max_megapixels, state.settings.max_upload_mb)
    async with state.serving.lease() as served:
        work = state.pools.styling.run(lambda: _drawn(served.engine, fields, template, limits))
        made = await cancel_on_disconnect(request, work)
    headers = {
        "X-Text-Contrast": f"{made.poster.contrast:.2f}",
        "X-Title-Shortened": str(made.poster.shortened).lower(),
        "Cache-Control": "no-store",
    }
    return Response(made.data, media_type=f"image/{fields.format}", headers=headers)


def _template(fields: CampaignBody) -> Template:
    """Read the template of a request. Raises BadTemplate."""
    files = [name for name in ("logo", "font") if name in fields.template]
    if files:
        raise BadTemplate(
            f"{files[0]} is a file, which a request cannot name; use 'vitrine campaign' for it",
            param="template",
        )
    try:
        return template_from(fields.template)
    except BadTemplate as error:
        error.param = "template"
        raise


def _drawn(engine: Engine, fields: CampaignBody, template: Template, limits: ImageLimits) -> _Drawn:
    item = engine.item(fields.item_id)
    look = _look(engine, fields, template)
    try:
        side = max(fields.width, fields.height)
        photo = Photo(engine.picture(item.item_id, fields.index), limits).cut(side=side)
    except BadImage as error:
        # The picture is the shop's, not the client's.
        raise BadImage(f"image {fields.index} of the item cannot be read", param="index") from error
    advert = advert_of(item, template.old_price)
    try:
        poster = draw_poster(photo, advert, fields.width, fields.height, look)
    except StyleError as error:
        error.style = fields.style
        raise
    out = io.BytesIO()
    options = {"quality": 92} if fields.format == "jpeg" else {"compress_level": 3}
    Image.fromarray(poster.pixels).save(out, fields.format, **options)
    return _Drawn(out.getvalue(), poster)


def _look(engine: Engine, fields: CampaignBody, template: Template) -> Look:
    if fields.style is None:
        return Look(template)
    found = engine.style_registry.find(fields.style)
    default = found.info.strength
    return Look(
        template,
        style=found,
        strength=default if fields.strength is None else fields.strength,
        background_strength=(
            default if fields.background_strength is None else fields.background_strength
        ),
        seed=fields.seed,
    )
