"""Take off what databases put around the values of JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from indexer.catalog.columnnames import NAMES, known_key
from indexer.exportcells import EXPORT_MARK

if TYPE_CHECKING:
    from indexer.catalog.item_parser import Record

_HIT: Final = frozenset({"_index", "_id", "_source", "_score", "_type", "sort", "_ignored"})
_PATCH: Final = frozenset({"op", "path", "value"})  # a line of a feed of Bloomreach
_DEEPEST: Final = 8
_NAMES: Final = frozenset({*NAMES["title"], *NAMES["id"]})
_OF_A_PRODUCT: Final = frozenset({*NAMES["title"], *NAMES["price"], *NAMES["images"]})


def unwrapped(record: Record) -> Record:
    """Return a record as it was stored: of a hit of Elasticsearch the source, MongoDB's values.

    ``{"$numberDecimal": "12.50"}`` is ``"12.50"``, ``{"$oid": "65f"}`` is ``"65f"``.
    """
    if EXPORT_MARK in record:
        return record
    source = record.get("_source")
    if isinstance(source, dict) and record.keys() <= _HIT:
        record = {"id": record.get("_id"), **source}
    if record.keys() == _PATCH and isinstance(record["value"], dict):
        return _patched(str(record["path"]).rpartition("/")[2], record["value"])
    if any(_is_wrapper(part) for part in record.values()):
        plain: Record = _without_wrappers(record, 0)
        return plain
    return record


def _patched(item_id: str, value: Record) -> Record:
    """Return a product that a patch sets, or one of its variants, which are by their ids."""
    own = value.get("attributes")
    record: Record = {"id": item_id, **(own if isinstance(own, dict) else {})}
    variants = value.get("variants")
    if isinstance(variants, dict) and variants:
        parts = variants.items()
        record["variants"] = [
            _patched(name, part) for name, part in parts if isinstance(part, dict)
        ]
    return record


def is_product(record: Record) -> bool:
    """Return True if an object has a title, a price or a picture."""
    return any(known_key(name) in _OF_A_PRODUCT for name in record)


def is_named(record: Record) -> bool:
    """Return True if an object has a title or an id."""
    return any(known_key(name) in _NAMES for name in record)


def _is_wrapper(value: Any) -> bool:
    return isinstance(value, dict) and len(value) == 1 and next(iter(value)).startswith("$")


def _without_wrappers(value: Any, depth: int) -> Any:
    if depth > _DEEPEST:
        return value
    if _is_wrapper(value):
        return _without_wrappers(next(iter(value.values())), depth + 1)
    if isinstance(value, dict):
        return {name: _without_wrappers(part, depth + 1) for name, part in value.items()}
    if isinstance(value, list):
        return [_without_wrappers(part, depth + 1) for part in value]
    return value
