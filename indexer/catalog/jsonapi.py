"""Read documents of JSON:API, whose resources name others that are beside them by type and id.

Strapi writes the same, with the other resources in place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from indexer.errors import BadCatalog

if TYPE_CHECKING:
    from collections.abc import Iterator

    from indexer.catalog.item_parser import Record

_DEEPEST: Final = 3  # products, their variants, the pictures of these
_MOST_PLACES: Final = 20_000  # in which resources are put, and for each product:
_MOST_OF_EACH: Final = 100


def is_jsonapi(document: Any) -> bool:
    """Return True if a document has a list of resources with attributes."""
    data = document.get("data") if isinstance(document, dict) else None
    return isinstance(data, list) and bool(data) and all(map(_is_resource, data))


def jsonapi_records(document: Record) -> Iterator[Record]:
    """Yield the resources with their attributes, and those they name in place of ids.

    Raises BadCatalog if they name each other so often that this would take a thousand times the
    memory of the file.
    """
    listed = _included(document.get("included"))
    known = {_key(part): part for part in [*listed, *document["data"]]}
    places = _Places(_MOST_PLACES + _MOST_OF_EACH * len(document["data"]))
    for part in document["data"]:
        yield _record(part, known, 0, places)


class _Places:
    """Counts the places in which resources are put."""

    def __init__(self, most: int) -> None:
        self._most = self._left = most

    def take(self) -> bool:
        """Return True. Raises BadCatalog if there are too many."""
        self._left -= 1
        if self._left < 0:
            raise BadCatalog(f"the resources of the document name others over {self._most:,} times")
        return True


def _record(
    resource: Record, known: dict[tuple[str, str], Record], depth: int, places: _Places
) -> Record:
    attributes = {
        name: _in_place(part, depth, places) for name, part in resource["attributes"].items()
    }
    found: Record = {"id": resource.get("id"), **attributes}
    relations = resource.get("relationships")
    for name, relation in (relations if isinstance(relations, dict) else {}).items():
        data = relation.get("data") if isinstance(relation, dict) else None
        named = data if isinstance(data, list) else [data]
        parts = [
            _record(known[_key(part)], known, depth + 1, places)
            for part in named
            if isinstance(part, dict) and _key(part) in known and depth < _DEEPEST
            if places.take()
        ]
        if parts:
            found[name] = parts if isinstance(data, list) else parts[0]
    return found


def _in_place(value: Any, depth: int, places: _Places) -> Any:
    """Return a value with resources in it, as ``{"data": {"attributes": ...}}``, by attributes."""
    if not isinstance(value, dict) or set(value) - {"data", "meta"} or depth > _DEEPEST:
        return value
    data = value.get("data")
    if isinstance(data, list) and data and all(map(_is_resource, data)):
        return [_record(part, {}, depth + 1, places) for part in data]
    if isinstance(data, dict) and _is_resource(data):
        return _record(data, {}, depth + 1, places)
    return value


def _included(value: Any) -> list[Record]:
    """Return the resources beside the data; Elastic Path has lists of them by their relation."""
    if isinstance(value, list):
        return [part for part in value if _is_resource(part)]
    return [
        {"type": str(name).removesuffix("s"), "id": part.get("id"), "attributes": part}
        for name, parts in (value.items() if isinstance(value, dict) else ())
        for part in (parts if isinstance(parts, list) else ())
        if isinstance(part, dict)
    ]


def _is_resource(part: Any) -> bool:
    return isinstance(part, dict) and "id" in part and isinstance(part.get("attributes"), dict)


def _key(part: Record) -> tuple[str, str]:
    return str(part.get("type")), str(part.get("id"))
