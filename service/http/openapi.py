"""The description of the service that programs read, made from what is checked and sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from service.http.problems import Problem
from service.http.replies import (
    HealthReply,
    ItemReply,
    ItemsReply,
    SearchReply,
    StatusReply,
    StylesReply,
    WriteReply,
)
from service.http.schemas import PhotoForm, SearchBody, StyleForm
from service.http.write_schemas import DeleteBody, ItemsBody, ItemsForm, PatchBody, PatchForm

if TYPE_CHECKING:
    from fastapi import FastAPI
    from pydantic import BaseModel

_BODIES: tuple[type[BaseModel], ...] = (
    SearchBody, PhotoForm, ItemsBody, ItemsForm, PatchBody, PatchForm, DeleteBody, StyleForm,
)  # fmt: skip
_REPLIES: tuple[type[msgspec.Struct], ...] = (
    SearchReply, ItemReply, ItemsReply, StatusReply, HealthReply, WriteReply, StylesReply,
    Problem,
)  # fmt: skip
_PREFIX = "#/components/schemas/"
_MEANINGS = {
    400: "Malformed request, or wrong Host header.",
    401: "The key that writes need is missing or wrong.",
    403: "Writes over HTTP are off: the service has no key for them.",
    404: "No such item.",
    405: "Method not allowed.",
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


def reply_of(struct: type[msgspec.Struct]) -> Responses:
    """Return the documentation of a good reply: JSON of this struct."""
    content = {"application/json": {"schema": {"$ref": _ref(struct)}}}
    return {200: {"description": "Successful Response", "content": content}}


def problems(*statuses: int) -> Responses:
    """Return the documentation of a route's error replies; 400 and 500 are always among them."""
    return {
        status: {
            "description": _MEANINGS[status],
            "content": {"application/problem+json": {"schema": {"$ref": _ref(Problem)}}},
            **({"headers": _RETRY} if status in (429, 503) else {}),
        }
        for status in sorted({*statuses, 400, 500})
    }


def body_of(*kinds: tuple[type[BaseModel], str]) -> dict[str, Any]:
    """Return the documentation of a request body that the route reads by itself.

    ``kinds`` are the models that it may be of, each with its media type.
    """
    content = {media_type: {"schema": {"$ref": _ref(model)}} for model, media_type in kinds}
    return {"requestBody": {"required": True, "content": content}}


def description(app: FastAPI) -> dict[str, Any]:
    """Return the whole OpenAPI document."""
    document = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=app.description,
        routes=app.routes,
        tags=app.openapi_tags,
        license_info=app.license_info,
    )
    _, bodies = models_json_schema(
        [(model, "validation") for model in _BODIES], ref_template=f"{_PREFIX}{{model}}"
    )
    components = document.setdefault("components", {})
    components["securitySchemes"] = {"writeKey": {"type": "http", "scheme": "bearer"}}
    schemas = components.setdefault("schemas", {})
    schemas.update(bodies["$defs"])
    schemas.update(reply_schemas())
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    return document


def reply_schemas() -> dict[str, dict[str, Any]]:
    """Return the schemas of all replies by name, made from the structs that are sent.

    msgspec describes what it would accept; a reply holds every field always. So each is required,
    and none has a default. Of a docstring the first paragraph is for those who use the service.
    """
    _, schemas = msgspec.json.schema_components(_REPLIES, ref_template=f"{_PREFIX}{{name}}")
    for schema in schemas.values():
        fields = schema["properties"]
        schema["required"] = list(fields)
        for field in fields.values():
            field.pop("default", None)
            if "enum" in field:  # all are of strings; some generators of clients want the type
                field["type"] = "string"
        schema["description"] = schema["description"].partition("\n\n")[0]
    return schemas


def _ref(model: type) -> str:
    return _PREFIX + model.__name__
