"""The description of the service that programs read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from service.http.schemas import PhotoForm, Problem, SearchBody
from service.http.write_schemas import DeleteBody, ItemsBody, ItemsForm, PatchBody, PatchForm

if TYPE_CHECKING:
    from fastapi import FastAPI
    from pydantic import BaseModel

_BODIES: tuple[type[BaseModel], ...] = (
    SearchBody, PhotoForm, ItemsBody, ItemsForm, PatchBody, PatchForm, DeleteBody,
)  # fmt: skip
_REF = "#/components/schemas/{model}"
_WHAT = {
    400: "The request is not one, or is made to another host.",
    401: "The key that writes need is missing or wrong.",
    403: "Writes over HTTP are off: the service has no key for them.",
    404: "No such item.",
    405: "The route knows other methods.",
    408: "The upload paused for too long.",
    409: "The question was meant for another encoder than the index was built with.",
    410: "The cursor is of a generation that no longer serves.",
    413: "The body is too large.",
    415: "Another content type is expected.",
    422: "The request cannot be answered as it was asked; `param` names the field.",
    429: "This address sent too many requests; try again after `Retry-After` seconds.",
    500: "An unexpected error; `request_id` finds it in the log.",
    507: "The disk is full, or read-only; what was acknowledged is kept.",
    503: "No index is open, or too much is waiting; try again after `Retry-After` seconds.",
}
_RETRY = {
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}},
}

Responses = dict[int | str, dict[str, Any]]


def problems(*statuses: int) -> Responses:
    """The documentation of error replies of a route; 500 is among them always."""
    return {
        status: {
            "description": _WHAT[status],
            "content": {"application/problem+json": {"schema": {"$ref": _ref(Problem)}}},
            **({"headers": _RETRY} if status in (429, 503) else {}),
        }
        for status in sorted({*statuses, 400, 500})
    }


def body_of(model: type, media_type: str, *others: tuple[type, str]) -> dict[str, Any]:
    """The documentation of a request body that the route reads by itself, of one type or more."""
    kinds = [(model, media_type), *others]
    content = {media: {"schema": {"$ref": _ref(one)}} for one, media in kinds}
    return {"requestBody": {"required": True, "content": content}}


def description(app: FastAPI) -> dict[str, Any]:
    """The whole OpenAPI document."""
    document = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=app.description,
        routes=app.routes,
        tags=app.openapi_tags,
        license_info=app.license_info,
    )
    _, defined = models_json_schema(
        [*((model, "validation") for model in _BODIES), (Problem, "serialization")],
        ref_template=_REF,
    )
    components = document.setdefault("components", {})
    components["securitySchemes"] = {"writeKey": {"type": "http", "scheme": "bearer"}}
    schemas = components.setdefault("schemas", {})
    schemas.update(defined["$defs"])
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    return document


def _ref(model: type) -> str:
    return _REF.format(model=model.__name__)
