"""Routes that change the styles of a shop: define one, index the images in some, remove some."""

from __future__ import annotations

import io
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Annotated

import msgspec
import numpy as np
from fastapi import APIRouter, Path, Request, Response

from indexer.errors import BadImage, Conflict
from indexer.imaging.images import ImageLimits
from indexer.imaging.photos import Photo
from indexer.layout import STYLES
from indexer.store.replica import refuse_replica
from service.apikey import Scope
from service.http.appstate import AppState, bind
from service.http.job_schemas import StylesBody
from service.http.json_body import check_json_type, check_marks
from service.http.openapi import body_of, problems, reply_of
from service.http.picture_schemas import OwnStyleForm
from service.http.problems import HttpError
from service.http.replies import StyleReply
from service.http.routes.job_starts import add_start_route, start_job
from service.http.routes.jobs import job_router
from service.http.secured import SECURED
from service.http.styling import STYLE_SIDE
from service.http.uploads import Form, parse_form
from style.cubefile import read_cube
from style.errors import BadCube, BadStyleName
from style.registry import built_in, with_folder
from style.shrink import shrunk
from style.stylefolder import StyleFolder

if TYPE_CHECKING:
    from indexer.arrays import Pixels
    from style.lut import Lut

_CUBE = FilePath("cube")  # what messages call an uploaded file
MOST_OWN = 200  # styles that a shop may define over HTTP

StyleName = Annotated[
    str, Path(max_length=100, description="The name of the new style.", examples=["poster"])
]


def own_style_routes(state: AppState) -> APIRouter:
    """Return PUT /v1/styles/{name}, POST /v1/styles/index and /v1/styles/remove.

    All need a key of the scope admin.
    """
    router = job_router(state)
    router.add_api_route(
        "/styles/{name}",
        bind(define_style, state),
        methods=["PUT"],
        summary="Define a style of the shop's own",
        responses=reply_of(StyleReply) | problems(401, 403, 408, 409, 413, 415, 422, 429, 503, 507),
        openapi_extra=body_of((OwnStyleForm, "multipart/form-data")) | SECURED[Scope.ADMIN],
        operation_id="define_style",
    )
    for path, handler, summary in (
        ("/styles/index", index_styles, "Index every image in styles too"),
        ("/styles/remove", remove_styles, "Stop indexing in styles, and delete the shop's own"),
    ):
        add_start_route(router, state, path, handler, summary, (StylesBody, "application/json"))
    return router


async def define_style(state: AppState, request: Request, name: StyleName) -> Response:
    """Keep a picture or a .cube file as a style; nothing is indexed yet. 409: the name is taken.

    Pictures can be rendered in it at once. The shop keeps at most 512 pixels a side of a picture.
    """
    body = await request.body()
    kind = request.headers.get("content-type", "")
    settings = state.settings
    limits = ImageLimits(settings.max_megapixels, settings.max_upload_mb)

    def read() -> Pixels | Lut:
        form = parse_form(
            body,
            kind,
            is_file=lambda field: field in ("image", "cube"),
            texts=OwnStyleForm.model_fields,
        )
        return _style_of(form, limits)

    made = await state.pools.styling.run(read)
    reply = await state.pools.writing.run(lambda: _keep(settings.shop, name, made))
    return Response(msgspec.json.encode(reply), media_type="application/json")


async def index_styles(state: AppState, request: Request) -> Response:
    """Render every image in these styles, check each rendition, and index it, from now on.

    With no styles, render what the shop still lacks in its styles.
    """
    fields = await _named(request)
    async with state.serving.lease() as served:
        for name in fields.styles:
            served.engine.style_registry.find(name)
    return await start_job(state, request, lambda requests: requests.styles(fields, remove=False))


async def remove_styles(state: AppState, request: Request) -> Response:
    """Remove the images in these styles from the index, and delete styles of the shop's own."""
    fields = await _named(request)
    if not fields.styles:
        raise HttpError(422, "invalid_request", "name at least one style", param="styles")
    return await start_job(state, request, lambda requests: requests.styles(fields, remove=True))


async def _named(request: Request) -> StylesBody:
    body = await request.body()
    if body:
        check_json_type(request)
        check_marks(body)
    return StylesBody.model_validate_json(body or b"{}")


def _style_of(form: Form, limits: ImageLimits) -> Pixels | Lut:
    """Return the picture or the LUT of a form. Raises BadImage, HttpError."""
    given = dict.fromkeys(form.files, "a file") | form.texts
    fields = OwnStyleForm.model_validate(given)
    if fields.image is not None:
        try:
            return shrunk(Photo(form.files["image"], limits).cut(side=STYLE_SIDE), STYLE_SIDE)
        except BadImage as error:
            error.param = "image"
            raise
    try:
        return read_cube(_CUBE, lambda _: io.BytesIO(form.files["cube"]))
    except BadCube as error:
        raise HttpError(422, "bad_cube", str(error), param="cube") from None


def _keep(shop: FilePath, name: str, made: Pixels | Lut) -> StyleReply:
    """Keep a style. Raises Conflict, HttpError, BadStyleFile."""
    refuse_replica(shop)
    folder = StyleFolder(shop / STYLES)
    names = folder.names()
    if name in names or name in built_in():
        raise Conflict(f"there is already a style {name[:60]!r}; choose another name")
    if len(names) >= MOST_OWN:
        raise Conflict(f"the shop has {len(names)} styles of its own; remove some first")
    try:
        if isinstance(made, np.ndarray):
            folder.add_image(name, made)
        else:
            folder.add_lut(name, made)
    except BadStyleName as error:
        raise HttpError(422, "invalid_request", str(error), param="name") from None
    info = with_folder(folder.path).find(name).info
    return StyleReply(info.name, info.kind, info.strength, indexed=False)
