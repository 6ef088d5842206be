"""Read documents of JSON:API, whose resources name others that are beside them by type and id.

Strapi writes the same, with the other resources in place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from indexer.catalog.item_parser import Record

_DEEPEST: Final = 3  # products, their variants, the pictures of these


def is_jsonapi(document: Any) -> bool:
    """Return True if a document has a list of resources with attributes."""
    data = document.get("data") if isinstance(document, dict) else None
    return isinstance(data, list) and bool(data) and all(map(_is_resource, data))


def jsonapi_records(document: Record) -> list[Record]:
    """Return the resources with their attributes, and those they name in place of ids."""
    included = document.get("included")
    listed = [
        part for part in (included if isinstance(included, list) else []) if _is_resource(part)
    ]
    known = {_key(part): part for part in [*listed, *document["data"]]}
    return [_record(part, known, 0) for part in document["data"]]


def _record(resource: Record, known: dict[tuple[str, str], Record], depth: int) -> Record:
    attributes = {name: _in_place(part, depth) for name, part in resource["attributes"].items()}
    found: Record = {"id": resource.get("id"), **attributes}
    relations = resource.get("relationships")
    for name, relation in (relations if isinstance(relations, dict) else {}).items():
        data = relation.get("data") if isinstance(relation, dict) else None
        named = data if isinstance(data, list) else [data]
        parts = [
            _record(known[_key(part)], known, depth + 1)
            for part in named
            if isinstance(part, dict) and _key(part) in known and depth < _DEEPEST
        ]
        if parts:
            found[name] = parts if isinstance(data, list) else parts[0]
    return found


def _in_place(value: Any, depth: int) -> Any:
    """Return a value with resources in it, as ``{"data": {"attributes": ...}}``, by attributes."""
    if not isinstance(value, dict) or set(value) - {"data", "meta"} or depth > _DEEPEST:
        return value
    data = value.get("data")
    if isinstance(data, list) and data and all(map(_is_resource, data)):
        return [_record(part, {}, depth + 1) for part in data]
    if isinstance(data, dict) and _is_resource(data):
        return _record(data, {}, depth + 1)
    return value


def _is_resource(part: Any) -> bool:
    return isinstance(part, dict) and "id" in part and isinstance(part.get("attributes"), dict)


def _key(part: Record) -> tuple[str, str]:
    return str(part.get("type")), str(part.get("id"))
