"""The OpenAPI document, generated from the models of requests and the structs of replies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from indexer.drafting.draft import Draft
from indexer.enrichment.suggestionlog import ItemSuggestions
from search.asking.answer import Answer
from service.http.enrich_schemas import DecisionBody, DecisionsBody, DraftBody
from service.http.examples import add_examples
from service.http.job_replies import CatalogsReply, JobReply, JobsReply, SnapshotsReply
from service.http.job_schemas import (
    BuildBody,
    BuildForm,
    BuildOptions,
    ComparisonBody,
    MigrationBody,
    SnapshotBody,
    StylesBody,
)
from service.http.key_replies import KeysReply, NewKeyReply, OwnKeyReply, RemovedKeysReply
from service.http.key_schemas import KeyBody, RotateBody
from service.http.operator_replies import (
    ModelsReply,
    ReportReply,
    SettingsReply,
    StorageReply,
)
from service.http.personal_replies import (
    ErasedReply,
    EventsReply,
    RecommendReply,
    UserReply,
)
from service.http.personal_schemas import EventsBody, SessionBody
from service.http.picture_schemas import (
    CampaignBody,
    ClassifyForm,
    OwnStyleForm,
    RecognizeForm,
    StyleForm,
)
from service.http.problems import Problem
from service.http.replies import (
    BatchReply,
    ClassifyReply,
    GenerationsReply,
    HealthReply,
    ItemReply,
    ItemsReply,
    RecognizeReply,
    SearchReply,
    ServingReply,
    StatusReply,
    StylesReply,
    WriteReply,
)
from service.http.review_replies import ReviewsReply
from service.http.schemas import AskBody, BatchBody, PhotoForm, SearchBody
from service.http.suggestion_replies import DecisionsReply, SuggestionsReply
from service.http.write_schemas import DeleteBody, ItemsBody, ItemsForm, PatchBody, PatchForm

if TYPE_CHECKING:
    from fastapi import FastAPI
    from pydantic import BaseModel

_BODIES: tuple[type[BaseModel], ...] = (
    SearchBody, PhotoForm, ItemsBody, ItemsForm, PatchBody, PatchForm, DeleteBody,
    EventsBody, SessionBody, StyleForm, ClassifyForm, RecognizeForm, BatchBody,
    AskBody, DecisionBody, DecisionsBody, DraftBody,
    KeyBody, RotateBody, OwnStyleForm, StylesBody,
    CampaignBody, BuildBody, BuildForm, BuildOptions, SnapshotBody, MigrationBody, ComparisonBody,
)  # fmt: skip
_REPLIES: tuple[type[msgspec.Struct], ...] = (
    SearchReply, ItemReply, ItemsReply, StatusReply, HealthReply, WriteReply, Problem,
    RecommendReply, EventsReply, UserReply, ErasedReply, StylesReply, ClassifyReply,
    RecognizeReply, GenerationsReply, ServingReply, BatchReply, ReviewsReply, ItemSuggestions,
    SuggestionsReply, DecisionsReply,
    Answer, Draft,
    KeysReply, NewKeyReply, OwnKeyReply, RemovedKeysReply,
    StorageReply, ModelsReply, SettingsReply, ReportReply,
    JobReply, JobsReply, CatalogsReply, SnapshotsReply,
)  # fmt: skip
_PREFIX = "#/components/schemas/"
_MEANINGS = {
    400: "Malformed request, or wrong Host header.",
    401: "The key is missing or wrong.",
    403: "The key allows too little, or the service has no key that allows this.",
    404: "What the path names does not exist, such as an item.",
    405: "Method not allowed.",
    408: "The upload paused for too long, or was too slow.",
    409: "The embedding does not match the encoder of the index; or another job, or the present "
    "state of the shop, does not allow this.",
    410: "The cursor belongs to a generation that no longer serves.",
    412: "The item is no longer the one that `If-Match` names.",
    413: "The body is too large.",
    415: "The content type is not supported.",
    422: "The request is invalid; `param` names the field.",
    429: "This address sent too many requests; try again after `Retry-After` seconds.",
    500: "An unexpected error; the server's log has the details under its `request_id`.",
    503: "No index is open, or too many requests wait; try again after `Retry-After` seconds.",
    507: "The disk is full or read-only; acknowledged writes are kept.",
}
_RETRY = {
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}},
}

IF_MATCH: dict[str, Any] = {
    "parameters": [
        {
            "name": "If-Match",
            "in": "header",
            "required": False,
            "description": "The `ETag` of the item as it was read: then it is only written if it "
            "has not changed since.",
            "schema": {"type": "string", "maxLength": 1000},
        }
    ]
}
"""The documentation of the header `If-Match`, for a route that writes one item."""

BINARY: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
"""The documentation of a body that is a file."""

Responses = dict[int | str, dict[str, Any]]


def reply_of(struct: type[msgspec.Struct]) -> Responses:
    """Return the documentation of the reply 200: this struct as JSON."""
    content = {"application/json": {"schema": {"$ref": _ref(struct)}}}
    return {200: {"description": "Successful Response", "content": content}}


def problems(*statuses: int) -> Responses:
    """Return the documentation of a route's error replies; adds 400 and 500."""
    return {
        status: {
            "description": _MEANINGS[status],
            "content": {"application/problem+json": {"schema": {"$ref": _ref(Problem)}}},
            **({"headers": _RETRY} if status in (429, 503) else {}),
        }
        for status in sorted({*statuses, 400, 500})
    }


def body_of(*kinds: tuple[type[BaseModel], str]) -> dict[str, Any]:
    """Return the documentation of a request body, for a route that reads the body itself.

    ``kinds`` are the possible models, each with its media type.
    """
    content = {media_type: {"schema": {"$ref": _ref(model)}} for model, media_type in kinds}
    return {"requestBody": {"required": True, "content": content}}


def photo_body() -> dict[str, Any]:
    """Return the documentation of a body that is a form with a photo, or the photo itself."""
    documented = body_of((PhotoForm, "multipart/form-data"))
    documented["requestBody"]["content"]["image/*"] = BINARY
    return documented


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
    components["securitySchemes"] = {
        f"{scope}Key": {
            "type": "http",
            "scheme": "bearer",
            "description": f"A key of the scope {scope}, or wider.",
        }
        for scope in ("read", "write", "admin")
    }
    schemas = components.setdefault("schemas", {})
    _simplify_tuples(bodies)
    schemas.update(bodies["$defs"])
    schemas.update(reply_schemas())
    add_examples(document)
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    return document


def reply_schemas() -> dict[str, dict[str, Any]]:
    """Return the schemas of all replies by name, generated from their structs.

    msgspec describes what it would accept as input. A reply contains every field that has a value
    or a default, so these become required, without a default. Only the first paragraph of a
    docstring is meant for users of the service.
    """
    _, schemas = msgspec.json.schema_components(_REPLIES, ref_template=f"{_PREFIX}{{name}}")
    for schema in schemas.values():
        fields = schema["properties"]
        always = set(schema.get("required", ()))
        schema["required"] = [
            name for name, field in fields.items() if name in always or "default" in field
        ]
        for field in fields.values():
            field.pop("default", None)
            if "enum" in field:  # all are strings, and some client generators need the type
                field["type"] = "string"
        schema["description"] = schema["description"].partition("\n\n")[0]
    _simplify_tuples(schemas)
    return schemas


def _simplify_tuples(schema: Any) -> None:
    """Describe tuples of one type as arrays: many client generators do not know ``prefixItems``."""
    if isinstance(schema, list):
        for part in schema:
            _simplify_tuples(part)
    elif isinstance(schema, dict):
        kinds = schema.get("prefixItems")
        if isinstance(kinds, list) and all(kind == kinds[0] for kind in kinds):
            schema["items"] = schema.pop("prefixItems")[0]
        for part in schema.values():
            _simplify_tuples(part)


def _ref(model: type) -> str:
    return _PREFIX + model.__name__
