"""Routes of API keys: describe the key of a request; list, add, rotate and remove keys."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Annotated, TypeVar

from fastapi import APIRouter, Path, Request, Response

from service.apikey import BadKeys, KeyExists, Scope, UnknownKey
from service.http.appstate import AppState, bind
from service.http.fresh_json import fresh_json
from service.http.json_body import check_json_type
from service.http.key_replies import (
    KeysReply,
    NewKeyReply,
    OwnKeyReply,
    RemovedKeysReply,
    key_reply,
    scope_name,
)
from service.http.key_schemas import KeyBody, RotateBody, end_of
from service.http.openapi import body_of, problems, reply_of
from service.http.problems import HttpError
from service.http.secured import SECURED, needs_key
from service.keyfile import KeyFile

T = TypeVar("T")

_ADMIN = SECURED[Scope.ADMIN]
_REFUSALS = problems(401, 403, 404, 408, 409, 413, 415, 422, 429, 503, 507)

Name = Annotated[str, Path(max_length=100, description="The name of a key.", examples=["till"])]


def key_routes(state: AppState) -> APIRouter:
    """Return GET /v1/key, and GET, POST and DELETE of /v1/keys."""

    router = APIRouter(prefix="/v1", tags=["admin"])
    router.add_api_route(
        "/key",
        bind(own_key, state),
        summary="The key that was sent",
        responses=reply_of(OwnKeyReply) | problems(401, 403, 429, 503),
        openapi_extra=SECURED[Scope.READ],
        operation_id="own_key",
    )
    keys = APIRouter(prefix="/keys", dependencies=[needs_key(state, Scope.ADMIN)])
    keys.add_api_route(
        "",
        bind(list_keys, state),
        summary="The keys of the shop",
        responses=reply_of(KeysReply) | problems(401, 403, 429, 503),
        openapi_extra=_ADMIN,
        operation_id="keys",
    )
    keys.add_api_route(
        "",
        bind(add_key, state),
        methods=["POST"],
        summary="Make a key",
        responses=reply_of(NewKeyReply) | _REFUSALS,
        openapi_extra=body_of((KeyBody, "application/json")) | _ADMIN,
        operation_id="add_key",
    )
    keys.add_api_route(
        "/{name}/rotate",
        bind(rotate_key, state),
        methods=["POST"],
        summary="Make a second key of a name; the old one ends later",
        responses=reply_of(NewKeyReply) | _REFUSALS,
        openapi_extra=body_of((RotateBody, "application/json")) | _ADMIN,
        operation_id="rotate_key",
    )
    keys.add_api_route(
        "/{name}",
        bind(remove_key, state),
        methods=["DELETE"],
        summary="Remove all keys of a name",
        responses=reply_of(RemovedKeysReply) | _REFUSALS,
        openapi_extra=_ADMIN,
        operation_id="remove_key",
    )
    router.include_router(keys)
    return router


async def own_key(state: AppState, request: Request) -> Response:
    """Return the name and the scope of the key that was sent.

    A page of a shop asks this, and refuses a key that allows more than reading.
    """
    key = state.rates.check_key(request.scope, request.headers, Scope.READ)
    required = state.settings.require_key
    return fresh_json(OwnKeyReply(name=key.name, scope=scope_name(key.scope), required=required))


async def list_keys(state: AppState) -> Response:
    """List the keys: names, scopes and ends. Nothing from which a key can be computed."""
    stored = await state.pools.reading.run(KeyFile(state.settings.shop).read)
    now = time.time()
    return fresh_json(KeysReply([key_reply(key, now) for key in stored]))


async def add_key(state: AppState, request: Request) -> Response:
    """Make a key, and return it. It is stored as a hash, so it cannot be shown again."""
    check_json_type(request)
    body = KeyBody.model_validate_json(await request.body() or b"null")
    file = KeyFile(state.settings.shop)
    end = end_of(body.expires_days, time.time())
    token = await _changed(
        state,
        lambda: file.add(body.name, body.scope, expires=end, searches_per_s=body.searches_per_s),
    )
    return fresh_json(NewKeyReply(name=body.name, key=token))


async def rotate_key(state: AppState, request: Request, name: Name) -> Response:
    """Make a second key of this name, with the same scope. The old one is valid for a while."""
    check_json_type(request)
    body = RotateBody.model_validate_json(await request.body() or b"{}")
    file = KeyFile(state.settings.shop)
    end = end_of(body.expires_days, time.time())
    token = await _changed(state, lambda: file.rotate(name, body.keep_hours * 3600, expires=end))
    return fresh_json(NewKeyReply(name=name, key=token))


async def remove_key(state: AppState, name: Name) -> Response:
    """Remove all keys of this name; they are refused at once."""
    file = KeyFile(state.settings.shop)
    removed = await _changed(state, lambda: file.remove(name))
    return fresh_json(RemovedKeysReply(name=name, removed=removed))


async def _changed(state: AppState, change: Callable[[], T]) -> T:
    """Change the keys. Raises HttpError: 404 for an unknown name, 409 for one that is taken."""
    try:
        return await state.pools.writing.run(change)
    except UnknownKey as error:
        raise HttpError(404, "unknown_key", str(error), param=error.param) from None
    except KeyExists as error:
        raise HttpError(409, "conflict", str(error), param=error.param) from None
    except BadKeys as error:
        if error.param is not None:
            raise HttpError(422, "invalid_request", str(error), param=error.param) from None
        raise HttpError(
            503, "bad_keys", "the keys of this shop cannot be read; the log says why"
        ) from None
