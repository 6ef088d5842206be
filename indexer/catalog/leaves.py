"""Hoist the values of nested records, so that they can be read as the columns of a table."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any, Final

from indexer.catalog.columnnames import KNOWN, NAMES, known_key
from indexer.catalog.item_parser import MOST_COLUMNS, BrokenRow, Record
from indexer.catalog.saleprice import is_on

if TYPE_CHECKING:
    from collections.abc import Iterator

    from indexer.catalog.item_parser import NumberedRow
    from indexer.catalog.shopformat import ReadRows

_DEEPEST: Final = 10
_SALES: Final = ("sale", "special", "discount", "promo")
_ENDS: Final = ("endDate", "end_date", "endsAt", "ends_at", "validTo", "valid_to", "to")
_IDS: Final = frozenset({"id", *NAMES["id"]})  # an object is no id, but may hold some
_PRICES, _IMAGES = frozenset(NAMES["price"]), frozenset(NAMES["images"])
_REGULAR_AND_SALE: Final = frozenset({"regular", "sale"})  # an object with both is a price
_PAIR: Final = frozenset({"name", "value"})
_NOT_NESTED: Final = frozenset(
    {"name", "value", "@value", "src", "$numberDecimal", "attribute_name"}
)
"""Keys of an object that is one value: a pair, a picture, a number."""


def has_nested(record: Record) -> bool:
    """Return True if a record has an object that may hold fields of an item."""
    return any(_is_branch(name, value) for name, value in record.items())


def hoisted_rows(read: ReadRows) -> Iterator[NumberedRow]:
    """Yield the rows with the values of their objects as columns, by the innermost name.

    Of two values with one name the outer one keeps it, and the other is named by its path. An
    object that is a field itself, such as ``price``, stays whole. Values of a list are a list.
    """
    for where, row in read():
        yield where, row if isinstance(row, BrokenRow) else hoisted(row)


def hoisted(record: Record) -> Record:
    """Return a record with the values of its objects as columns; see ``hoisted_rows``."""
    leaves: list[tuple[tuple[str, ...], Any]] = []
    _collect(record, (), leaves)
    found: Record = {}
    for path, value in sorted(leaves, key=lambda leaf: len(leaf[0])):
        name = path[-1] if path[-1] not in found else ".".join(path)
        if name not in found:
            found[name] = value
        elif isinstance(found[name], list):
            found[name].append(value)
        else:
            found[name] = [found[name], value]
    return found


def _collect(
    record: Record, path: tuple[str, ...], leaves: list[tuple[tuple[str, ...], Any]]
) -> None:
    for name, value in record.items():
        if len(leaves) >= MOST_COLUMNS:
            return
        own = (*path, str(name))
        if isinstance(value, dict) and value.keys() == _PAIR:
            own, value = (*path, str(value["name"])), value["value"]
        if _is_over(str(name), value):
            continue
        if isinstance(value, dict) and value.keys() >= _REGULAR_AND_SALE:
            leaves.append(((*path, "price"), value))
            continue
        if len(path) < _DEEPEST and _is_branch(str(name), value):
            for part in value if isinstance(value, list) else [value]:
                _collect(part, own, leaves)
        elif value not in ("", None, [], {}):
            leaves.append((own, value))


def _is_over(name: str, value: Any) -> bool:
    """Return True for a sale whose last day is over."""
    if not isinstance(value, dict) or not name.casefold().startswith(_SALES):
        return False
    end = next((value[key] for key in _ENDS if value.get(key)), None)
    return not is_on(None, end, datetime.datetime.now(tz=datetime.UTC).date())


def _is_branch(name: str, value: Any) -> bool:
    """Return True for an object, or a list of them, that is not a field or a value itself."""
    parts = value if isinstance(value, list) else [value]
    is_field = known_key(name) in KNOWN and known_key(name) not in _IDS
    if is_field and known_key(name) in NAMES["description"]:  # all texts of a product, as of Otto
        is_field = not any(isinstance(part, dict) and "category" in part for part in parts)
    return bool(parts) and not is_field and all(map(_has_fields, parts))


def _has_fields(part: Any) -> bool:
    """Return True for an object that is not one value, such as a pair, a picture or a seller."""
    if not isinstance(part, dict):
        return False
    if part.keys().isdisjoint(_NOT_NESTED):
        return True
    keys = {known_key(name) for name in part}
    return not keys.isdisjoint(_PRICES) and not keys.isdisjoint(_IMAGES)
