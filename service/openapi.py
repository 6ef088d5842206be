"""The description of the service that programs read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from service.schemas import PhotoForm, Problem, SearchBody

if TYPE_CHECKING:
    from fastapi import FastAPI

_REF = "#/components/schemas/{model}"
_WHAT = {
    400: "The request is not one, or is made to another host.",
    404: "No such item.",
    405: "The route knows other methods.",
    408: "The upload paused for too long.",
    409: "The question was meant for another encoder than the index was built with.",
    413: "The body is too large.",
    415: "Another content type is expected.",
    422: "The request cannot be answered as it was asked; `param` names the field.",
    500: "An unexpected error; `request_id` finds it in the log.",
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
            **({"headers": _RETRY} if status == 503 else {}),
        }
        for status in sorted({*statuses, 400, 500})
    }


def body_of(model: type, media_type: str) -> dict[str, Any]:
    """The documentation of a request body that the route reads by itself."""
    content = {media_type: {"schema": {"$ref": _ref(model)}}}
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
        [(SearchBody, "validation"), (PhotoForm, "validation"), (Problem, "serialization")],
        ref_template=_REF,
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas.update(defined["$defs"])
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    return document


def _ref(model: type) -> str:
    return _REF.format(model=model.__name__)
