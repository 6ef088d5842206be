"""Filters: conditions on the items that may be found, and their JSON form.

People write the string form (``search.filter_grammar``), programs the JSON form.

String form::

    category = "Home/Mugs" and price < 20 and color in [red, blue] and not sale = yes

JSON form, as Qdrant writes it::

    {"must": [{"key": "category", "match": {"value": "Home/Mugs"}},
              {"key": "price", "range": {"lt": 20}},
              {"key": "color", "match": {"any": ["red", "blue"]}}],
     "must_not": [{"key": "sale", "match": {"value": "yes"}}]}

A key is ``category`` (a path also matches all paths below it), ``price``, ``in_stock``,
``item_id``, ``product_id``, or any attribute. ``attributes.NAME`` is an attribute that has one of
these names. Comparing ignores case and accents, as searches by words do; ids are compared without
case only.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias, TypeGuard

import msgspec

from indexer.errors import BadQuery

Value: TypeAlias = str | float | bool

BUILTIN = ("category", "price", "in_stock", "item_id", "product_id")  # fields of every item

_LARGEST = 1e300
MAX_DEPTH = 32  # of nested objects in JSON, or of nested parentheses and nots in a string
_MAX_CONDITIONS = 1000  # in JSON: each is checked for every item of the shop
_MAX_VALUES = 10_000  # in JSON, all conditions together: each is looked up in every layer


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


class AllOf(msgspec.Struct, frozen=True, tag=True):
    """All parts are true; true without parts."""

    parts: tuple[Filter, ...]


class AnyOf(msgspec.Struct, frozen=True, tag=True):
    """At least one part is true; false without parts."""

    parts: tuple[Filter, ...]


class Not(msgspec.Struct, frozen=True, tag=True):
    """The part is false."""

    part: Filter


Filter: TypeAlias = Match | Range | AllOf | AnyOf | Not


def filter_from_json(value: object) -> Filter:
    """Read a filter from its JSON form. Raises BadQuery, naming what is wrong."""
    found = _from_json(value, 0)
    if (conditions := _count_conditions(found)) > _MAX_CONDITIONS:
        raise BadQuery(
            f"filter has {conditions} conditions, at most {_MAX_CONDITIONS} are allowed; "
            "match with any takes many values at once",
            param="filter",
        )
    if (values := _count_values(found)) > _MAX_VALUES:
        raise BadQuery(
            f"filter has {values} values, at most {_MAX_VALUES} are allowed", param="filter"
        )
    return found


def _from_json(value: object, depth: int) -> Filter:
    if depth > MAX_DEPTH:
        raise BadQuery(f"filter is nested deeper than {MAX_DEPTH}", param="filter")
    if not isinstance(value, dict):
        raise BadQuery(
            f"filter must be an object with must, should or must_not, got {type(value).__name__}",
            param="filter",
        )
    if "key" in value:
        return _condition_from_json(value)
    unknown = set(value) - {"must", "should", "must_not"}
    if unknown:
        raise BadQuery(
            f"filter has the unknown part {sorted(map(str, unknown))[0]!r}; it takes must, "
            "should, must_not, or one condition with key and match or range",
            param="filter",
        )
    parts: list[Filter] = list(_conditions_from_json(value.get("must"), depth))
    should = _conditions_from_json(value.get("should"), depth)
    if should:
        parts.append(AnyOf(should))
    parts.extend(Not(part) for part in _conditions_from_json(value.get("must_not"), depth))
    return parts[0] if len(parts) == 1 else AllOf(tuple(parts))


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
    if isinstance(filter_, Match | Range):
        return _short_key(filter_.key) == _short_key(key)
    if isinstance(filter_, Not):
        return _uses_only_key(filter_.part, key)
    return bool(filter_.parts) and all(_uses_only_key(part, key) for part in filter_.parts)


def _short_key(key: str) -> str:
    """Remove ``attributes.`` from a key, unless that would make it the name of another field."""
    short = key.removeprefix("attributes.")
    return key if short in BUILTIN else short


def _conditions_from_json(value: object, depth: int) -> tuple[Filter, ...]:
    if value is None:
        return ()
    many = value if isinstance(value, list) else [value]
    return tuple(_from_json(part, depth + 1) for part in many)


def _count_conditions(filter_: Filter) -> int:
    if isinstance(filter_, Not):
        return _count_conditions(filter_.part)
    if isinstance(filter_, AllOf | AnyOf):
        return 1 + sum(map(_count_conditions, filter_.parts))
    return 1


def _count_values(filter_: Filter) -> int:
    if isinstance(filter_, Match):
        return len(filter_.values)
    if isinstance(filter_, Not):
        return _count_values(filter_.part)
    return sum(map(_count_values, filter_.parts)) if isinstance(filter_, AllOf | AnyOf) else 0


def _condition_from_json(value: dict[str, Any]) -> Filter:
    key, match, bounds = value["key"], value.get("match"), value.get("range")
    if not isinstance(key, str) or (match is None) == (bounds is None) or len(value) != 2:
        raise BadQuery(
            "a filter condition has a key and either match or range, such as "
            '{"key": "color", "match": {"value": "red"}}',
            param="filter",
        )
    if match is not None:
        return _match_from_json(key, match)
    if not isinstance(bounds, dict) or not bounds or set(bounds) - {"gt", "gte", "lt", "lte"}:
        raise BadQuery(f"range of {key!r} takes gt, gte, lt, lte", param="filter")
    numbers = {name: _read_number(key, number) for name, number in bounds.items()}
    if {"gt", "gte"} <= set(numbers) or {"lt", "lte"} <= set(numbers):
        raise BadQuery(f"range of {key!r} has two bounds on one side", param="filter")
    return Range(
        key,
        above=numbers.get("gt", numbers.get("gte", -math.inf)),
        below=numbers.get("lt", numbers.get("lte", math.inf)),
        above_included="gt" not in numbers,
        below_included="lt" not in numbers,
    )


def _match_from_json(key: str, match: object) -> Filter:
    if isinstance(match, dict) and len(match) == 1:
        ((name, wanted),) = match.items()
        values = wanted if isinstance(wanted, list) else [wanted]
        fits = name == "value" and not isinstance(wanted, list)
        fits = fits or (name in ("any", "except") and isinstance(wanted, list))
        if fits and all(isinstance(value, str | bool) or _is_number(value) for value in values):
            found = Match(key, tuple(values))
            return Not(found) if name == "except" else found
    raise BadQuery(
        f'match of {key!r} takes {{"value": V}}, {{"any": [...]}} or {{"except": [...]}}',
        param="filter",
    )


def _read_number(key: str, value: object) -> float:
    if not _is_number(value):
        raise BadQuery(f"range of {key!r} needs numbers, got {str(value)[:40]!r}", param="filter")
    return float(value)


def _is_number(value: object) -> TypeGuard[int | float]:
    """Return True for a finite number of moderate size; JSON allows whole numbers of any size."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= _LARGEST  # false for NaN
