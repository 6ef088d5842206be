"""What the models of all requests share."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class RequestModel(BaseModel):
    """A request: unknown fields and wrong types are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


def without_null(schema: dict[str, Any]) -> None:
    """Document optional fields without null, which is accepted too."""
    for field in schema["properties"].values():
        kinds = [kind for kind in field.get("anyOf", ()) if kind != {"type": "null"}]
        if len(kinds) < len(field.get("anyOf", ())):
            del field["anyOf"]
            field.pop("default", None)
            field.update(kinds[0] if len(kinds) == 1 else {"anyOf": kinds})
