"""Routes for operators: list the generations of the index, promote one, roll back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
from fastapi import APIRouter, Path, Query, Response

from indexer.shop.folder import ShopFolder
from indexer.shop.listing import GenerationInfo, generations
from indexer.shop.promotion import promote, rollback
from indexer.shop.shelf import Shelf
from service.apikey import Scope
from service.http.appstate import AppState, bind
from service.http.fresh_json import fresh_json
from service.http.hidden_paths import without_paths
from service.http.openapi import problems, reply_of
from service.http.problems import HttpError
from service.http.replies import GenerationsReply, ServingReply
from service.http.secured import SECURED, needs_key

if TYPE_CHECKING:
    from collections.abc import Callable

_SECURED = SECURED[Scope.ADMIN]
_REFUSALS = problems(401, 403, 404, 409, 422, 429, 503, 507)

Name = Annotated[
    str,
    Path(max_length=100, description="The name of a generation.", examples=["20260101T000000Z"]),
]


def admin_routes(state: AppState) -> APIRouter:
    """Return GET /v1/generations, POST /v1/generations/{name}/promote, POST /v1/rollback."""

    router = APIRouter(prefix="/v1", tags=["admin"], dependencies=[needs_key(state, Scope.ADMIN)])
    router.add_api_route(
        "/generations",
        bind(list_generations, state),
        summary="The generations of the index",
        responses=reply_of(GenerationsReply) | problems(401, 403, 429, 503),
        openapi_extra=_SECURED,
        operation_id="generations",
    )
    router.add_api_route(
        "/generations/{name}/promote",
        bind(promote_generation, state),
        methods=["POST"],
        summary="Serve a generation",
        responses=reply_of(ServingReply) | _REFUSALS,
        openapi_extra=_SECURED,
        operation_id="promote",
    )
    router.add_api_route(
        "/rollback",
        bind(roll_back, state),
        methods=["POST"],
        summary="Serve an earlier generation",
        responses=reply_of(ServingReply) | _REFUSALS,
        openapi_extra=_SECURED,
        operation_id="rollback",
    )
    return router


async def list_generations(state: AppState) -> Response:
    """List the generations of the shop, newest first, with their states."""
    folder = ShopFolder(state.settings.shop)
    found = await state.pools.reading.run(lambda: generations(folder))
    return fresh_json(GenerationsReply([_without_paths(info) for info in found]))


async def promote_generation(state: AppState, name: Name) -> Response:
    """Make a generation serve. This service and others of the shop change to it within a second.

    A candidate whose encoder has not embedded all images is refused: run `vitrine promote --fill`.
    """
    folder = ShopFolder(state.settings.shop)

    def change() -> str:
        _check_name(folder, name, "name")
        promote(folder, name)
        return name

    return await _changed(state, folder, change)


async def roll_back(
    state: AppState,
    to: Annotated[
        str | None,
        Query(max_length=100, description="The generation to serve; by default the one before."),
    ] = None,
) -> Response:
    """Go back to an earlier generation. Later writes are kept, and are searched too."""
    folder = ShopFolder(state.settings.shop)

    def change() -> str:
        if to is not None:
            _check_name(folder, to, "to")
        return rollback(folder, to)

    return await _changed(state, folder, change)


async def _changed(state: AppState, folder: ShopFolder, change: Callable[[], str]) -> Response:
    """Run a change in the writing thread, because it also writes to the store."""
    name = await state.pools.writing.run(change)
    encoder = folder.manifest(name).encoder
    return fresh_json(ServingReply(generation=name, encoder=without_paths(encoder)))


def _check_name(folder: ShopFolder, name: str, param: str) -> None:
    """Raise HttpError (404) if there is no such generation."""
    names = Shelf.read(folder).names
    if name not in names:
        raise HttpError(
            404,
            "unknown_generation",
            f"there is no generation {name!r}; there are {', '.join(names)}",
            param=param,
        )


def _without_paths(info: GenerationInfo) -> GenerationInfo:
    return msgspec.structs.replace(
        info, encoder=without_paths(info.encoder), problem=without_paths(info.problem)
    )
