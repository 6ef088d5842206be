"""An example request for every route, in the OpenAPI document; a test sends each to a live app.

The test replaces ``mug-012`` and ``GENERATION`` by an item and a generation of its shop, and
``photo.jpg`` and ``catalog.csv`` by the bytes of a file.
"""

from __future__ import annotations

from typing import Any, NamedTuple

JSON = "application/json"
FORM = "multipart/form-data"
ITEM = "mug-012"
GENERATION = "000001"
JOB = "20260101t120000-000000"
PHOTO = "photo.jpg"
CATALOG = "catalog.csv"
_MUG_EVENT = {"item_id": ITEM, "type": "view"}


class Example(NamedTuple):
    """A request: the values of its parameters by name, and its body as fields of JSON or a form."""

    parameters: dict[str, Any] = {}  # noqa: RUF012 - never changed
    body: dict[str, Any] | None = None
    media_type: str = JSON


_ITEM = Example({"item_id": ITEM})
_JOB = Example({"job_id": JOB})
_USER = Example({"user_id": "ann"})
_MIGRATION = Example(body={"encoder": "builtin", "share": 0.5})

EXAMPLES: dict[str, Example] = {
    "search": Example(
        body={
            "parts": [{"item_id": ITEM}, {"text": "striped", "weight": 0.5}],
            "filter": "price < 100",
            "limit": 4,
            "facets": ["category"],
        }
    ),
    "search_words": Example({"q": "red mug", "limit": 4, "sort": "price"}),
    "search_batch": Example(
        body={"searches": [{"parts": [{"text": "mug"}]}, {"parts": [{"item_id": ITEM}]}]}
    ),
    "search_image": Example(
        body={"image": PHOTO, "box": ["0,0,0.5,1", "0.5,0,1,1"], "limit": 4}, media_type=FORM
    ),
    "recognize": Example(body={"image": PHOTO, "search": True, "limit": 2}, media_type=FORM),
    "classify": Example(body={"image": PHOTO}, media_type=FORM),
    "put_items": Example(body={"items": [{"id": ITEM, "price": 12.5, "in_stock": True}]}),
    "items": Example({"limit": 4, "order": "id"}),
    "delete_items": Example(body={"ids": ["mug-013", "mug-014"]}),
    "patch_item": Example({"item_id": ITEM}, {"price": 9.9, "attributes": {"sale": True}}),
    "delete_item": _ITEM,
    "item": _ITEM,
    "item_reviews": _ITEM,
    "item_suggestions": _ITEM,
    "decide_suggestion": Example({"item_id": ITEM}, {"attribute": "color", "value": "Red"}),
    "list_suggestions": Example({"attribute": "color", "limit": 4}),
    "decide_suggestions": Example(
        body={"decisions": [{"item_id": ITEM, "attribute": "color", "value": "Red"}]}
    ),
    "draft_item": Example({"item_id": ITEM}, {"tone": "friendly", "seed": 3}),
    "similar_items": Example({"item_id": ITEM, "limit": 4, "filter": "price < 100"}),
    "bought_together": Example({"item_id": ITEM, "limit": 4}),
    "item_image": Example({"item_id": ITEM, "index": 0, "size": 240}),
    "add_events": Example(body={"events": [{"user_id": "ann", **_MUG_EVENT}]}),
    "recommend_session": Example(body={"events": [_MUG_EVENT], "limit": 4}),
    "recommend_user": Example({"user_id": "ann", "limit": 4}),
    "user": _USER,
    "erase_user": _USER,
    "styles": Example(),
    "style": Example(body={"image": PHOTO, "style": "noir"}, media_type=FORM),
    "define_style": Example({"name": "poster"}, {"image": PHOTO}, media_type=FORM),
    "index_styles": Example(body={"styles": ["noir"]}),
    "remove_styles": Example(body={"styles": ["noir"]}),
    "campaign": Example(body={"item_id": ITEM, "width": 480, "height": 480}),
    "generations": Example(),
    "promote": Example({"name": GENERATION}),
    "rollback": Example(),
    "list_jobs": Example(),
    "job": _JOB,
    "job_events": _JOB,
    "job_report": _JOB,
    "cancel_job": _JOB,
    "list_catalogs": Example(),
    "list_snapshots": Example(),
    "start_build": Example(body={"catalog": CATALOG, "dry_run": True}),
    "start_rebuild": Example(),
    "start_snapshot": Example(body={"name": "before-the-sale"}),
    "start_migration": _MIGRATION,
    "plan_migration": _MIGRATION,
    "stop_migration": Example(),
    "start_comparison": Example(body={"first": GENERATION, "second": GENERATION}),
    "start_audit": Example(),
    "own_key": Example(),
    "keys": Example(),
    "add_key": Example(body={"name": "till", "scope": "write", "expires_days": 365}),
    "rotate_key": Example({"name": "till"}, {"keep_hours": 24}),
    "remove_key": Example({"name": "till"}),
    "storage": Example(),
    "models": Example(),
    "settings": Example(),
    "report": Example({"kind": "index"}),
    "ask": Example(body={"question": "Is it dishwasher safe?", "item_id": ITEM}),
    "livez": Example(),
    "readyz": Example(),
    "status": Example(),
    "metrics": Example(),
}


def add_examples(document: dict[str, Any]) -> None:
    """Add the examples to the parameters and bodies of an OpenAPI document."""
    for operations in document["paths"].values():
        for operation in operations.values():
            example = EXAMPLES.get(operation["operationId"], Example())
            for parameter in operation.get("parameters", ()):
                if parameter["name"] in example.parameters:
                    parameter["example"] = example.parameters[parameter["name"]]
            if example.body is not None:
                operation["requestBody"]["content"][example.media_type]["example"] = example.body
