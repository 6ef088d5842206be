"""The conditions of filters, as data: on the items that may be found."""

from __future__ import annotations

import math
from typing import TypeAlias

import msgspec

Value: TypeAlias = str | float | bool

BUILTIN = (  # fields of every item
    "category", "price", "currency", "in_stock", "title", "item_id", "product_id",
)  # fmt: skip
MAX_DEPTH = 32  # of nested objects in JSON, or of nested parentheses and nots in a string


class Match(msgspec.Struct, frozen=True, tag=True):
    """The field has one of these values."""

    key: str
    values: tuple[Value, ...]


class Range(msgspec.Struct, frozen=True, tag=True):
    """The field is a number within these bounds; false for an item without a number."""

    key: str
    above: float = -math.inf
    below: float = math.inf
    above_included: bool = True
    below_included: bool = True


class DateRange(msgspec.Struct, frozen=True, tag=True):
    """The field is a date from ``since`` to before ``until``, in seconds since 1970.

    False for an item without a date. Items may have dates of days and of instants.
    """

    key: str
    since: float = -math.inf
    until: float = math.inf


class Contains(msgspec.Struct, frozen=True, tag=True):
    """A value of the field contains this text."""

    key: str
    text: str


class Missing(msgspec.Struct, frozen=True, tag=True):
    """The item has no value in this field."""

    key: str


class AllOf(msgspec.Struct, frozen=True, tag=True):
    """All parts are true; true without parts."""

    parts: tuple[Filter, ...]


class AnyOf(msgspec.Struct, frozen=True, tag=True):
    """At least one part is true; false without parts."""

    parts: tuple[Filter, ...]


class Not(msgspec.Struct, frozen=True, tag=True):
    """The part is false."""

    part: Filter


Condition: TypeAlias = Match | Range | DateRange | Contains | Missing
Filter: TypeAlias = Condition | AllOf | AnyOf | Not


def without_key(filter_: Filter | None, key: str) -> Filter | None:
    """Return a filter without its conditions on ``key`` that are joined by "and".

    Facet counts use it: after one color is chosen, the other colors must still be shown.
    """
    if filter_ is None or _uses_only_key(filter_, key):
        return None
    if isinstance(filter_, AllOf):
        kept = tuple(part for part in filter_.parts if not _uses_only_key(part, key))
        return AllOf(kept)
    return filter_


def _uses_only_key(filter_: Filter, key: str) -> bool:
    if isinstance(filter_, Condition):
        return _short_key(filter_.key) == _short_key(key)
    if isinstance(filter_, Not):
        return _uses_only_key(filter_.part, key)
    return bool(filter_.parts) and all(_uses_only_key(part, key) for part in filter_.parts)


def _short_key(key: str) -> str:
    """Remove ``attributes.`` from a key, unless that would make it the name of another field."""
    short = key.removeprefix("attributes.")
    return key if short in BUILTIN else short
