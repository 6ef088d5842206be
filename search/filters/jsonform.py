"""Filters: conditions on the items that may be found, and their JSON form.

People write the string form (``search.filters.grammar``), programs the JSON form.

String form::

    category = "Home/Mugs" and price < 20 and color in [red, blue] and not sale = yes

JSON form, as Qdrant writes it::

    {"must": [{"key": "category", "match": {"value": "Home/Mugs"}},
              {"key": "price", "range": {"lt": 20}},
              {"key": "color", "match": {"any": ["red", "blue"]}}],
     "must_not": [{"key": "sale", "match": {"value": "yes"}}]}

A key is ``category`` (a path also matches all paths below it), ``price``, ``currency``,
``in_stock``, ``title``, ``item_id``, ``product_id``, or any attribute. ``attributes.NAME`` is an
attribute that has one of these names. Comparing ignores case and accents, as searches by words do;
ids are compared without case only. Bounds are numbers, or dates as in ``added >= 2024-05-01``.

``price = null`` and ``price is not null`` test whether an item has a value, and
``title contains mug`` whether a value contains a text. JSON also takes what Qdrant's clients send:
fields that are null, ``is_empty``, ``is_null``, ``has_id``, and ``match`` with ``text``.
"""

from __future__ import annotations

import json
import math
from typing import Any, TypeGuard

from indexer.errors import BadQuery
from search.filters.conditions import (
    MAX_DEPTH,
    AllOf,
    AnyOf,
    Contains,
    DateRange,
    Filter,
    Match,
    Missing,
    Not,
    Range,
    Value,
    without_key,
)
from search.filters.dates import Period, parse_date

__all__ = [
    "AllOf",
    "AnyOf",
    "Contains",
    "DateRange",
    "Filter",
    "Match",
    "Missing",
    "Not",
    "Range",
    "Value",
    "date_range",
    "filter_from_json",
    "matching",
    "without_key",
]

_LARGEST = 1e300
_MAX_CONDITIONS = 1000  # in JSON: each is checked for every item of the shop
_MAX_VALUES = 10_000  # in JSON, all conditions together: each is looked up in every layer
_BOUNDS = frozenset({"gt", "gte", "lt", "lte"})


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


def matching(key: str, values: list[Value | None]) -> Filter:
    """Return the condition that a field has one of these values; None is a missing value."""
    given = tuple(value for value in values if value is not None)
    if len(given) == len(values):
        return Match(key, given)
    return AnyOf((Match(key, given), Missing(key))) if given else Missing(key)


def date_range(key: str, bounds: dict[str, Period]) -> DateRange:
    """Return the range with these bounds, by their names in JSON: gt, gte, lt, lte.

    A bound that is a day stands for all of it: ``gt`` begins after the day, ``lte`` ends with it.
    """
    since, until = -math.inf, math.inf
    for name, (start, end) in bounds.items():
        after = math.nextafter(start, math.inf) if start == end else end
        match name:
            case "gt":
                since = after
            case "gte":
                since = start
            case "lt":
                until = start
            case _:
                until = after
    return DateRange(key, since, until)


def _from_json(value: object, depth: int) -> Filter:
    if depth > MAX_DEPTH:
        raise BadQuery(f"filter is nested deeper than {MAX_DEPTH}", param="filter")
    if not isinstance(value, dict):
        raise BadQuery(
            f"filter must be an object with must, should or must_not, got {type(value).__name__}",
            param="filter",
        )
    given = {name: part for name, part in value.items() if part is not None}
    if "key" in value:
        return _condition_from_json(given)
    if len(given) == 1 and given.keys() <= {"is_empty", "is_null", "has_id"}:
        return _special_from_json(*next(iter(given.items())))
    unknown = set(given) - {"must", "should", "must_not"}
    if unknown:
        raise BadQuery(
            f"filter has the unknown part {sorted(map(str, unknown))[0]!r}; it takes must, "
            "should, must_not, or one condition with key and match or range",
            param="filter",
        )
    parts: list[Filter] = list(_conditions_from_json(given.get("must"), depth))
    should = _conditions_from_json(given.get("should"), depth)
    if should:
        parts.append(AnyOf(should))
    parts.extend(Not(part) for part in _conditions_from_json(given.get("must_not"), depth))
    return parts[0] if len(parts) == 1 else AllOf(tuple(parts))


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


def _special_from_json(name: str, value: object) -> Filter:
    """Read the conditions of Qdrant that have no key of their own."""
    if name == "has_id":
        if isinstance(value, list) and all(isinstance(item, str | int) for item in value):
            return Match("item_id", tuple(str(item) for item in value))
        raise BadQuery("has_id takes a list of item ids", param="filter")
    if isinstance(value, dict) and len(value) == 1 and isinstance(value.get("key"), str):
        return Missing(value["key"])
    raise BadQuery(f'{name} takes {{"key": FIELD}}', param="filter")


def _condition_from_json(value: dict[str, Any]) -> Filter:
    key, match, bounds = value.get("key"), value.get("match"), value.get("range")
    empty = [name for name in ("is_empty", "is_null") if isinstance(value.get(name), bool)]
    if isinstance(key, str) and len(empty) == 1 and len(value) == 2:
        return Missing(key) if value[empty[0]] else Not(Missing(key))
    if not isinstance(key, str) or (match is None) == (bounds is None) or len(value) != 2:
        raise BadQuery(
            "a filter condition has a key and either match or range, such as "
            '{"key": "color", "match": {"value": "red"}}',
            param="filter",
        )
    return _match_from_json(key, match) if bounds is None else _range_from_json(key, bounds)


def _range_from_json(key: str, bounds: object) -> Filter:
    given = (
        {name: bound for name, bound in bounds.items() if bound is not None}
        if isinstance(bounds, dict)
        else {}
    )
    if not given or set(given) - _BOUNDS:
        raise BadQuery(
            f'range of {key!r} takes gt, gte, lt or lte, such as {{"lt": 20}}, '
            f"got {json.dumps(bounds, default=str)[:60]}",
            param="filter",
        )
    if {"gt", "gte"} <= set(given) or {"lt", "lte"} <= set(given):
        raise BadQuery(f"range of {key!r} has two bounds on one side", param="filter")
    dates = {
        name: date
        for name, bound in given.items()
        if isinstance(bound, str) and (date := parse_date(bound)) is not None
    }
    if len(dates) == len(given):
        return date_range(key, dates)
    numbers = {name: _read_number(key, number) for name, number in given.items()}
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
        if name == "text" and isinstance(wanted, str):
            return Contains(key, wanted)
        values = wanted if isinstance(wanted, list) else [wanted]
        fits = name == "value" and not isinstance(wanted, list)
        fits = fits or (name in ("any", "except") and isinstance(wanted, list))
        if fits and all(map(_is_value, values)):
            found = matching(key, values)
            return Not(found) if name == "except" else found
    raise BadQuery(
        f'match of {key!r} takes {{"value": V}}, {{"any": [...]}}, {{"except": [...]}} or '
        '{"text": "..."}; V is a text, a number, true, false or null',
        param="filter",
    )


def _is_value(value: object) -> bool:
    return value is None or isinstance(value, str | bool) or _is_number(value)


def _read_number(key: str, value: object) -> float:
    if not _is_number(value):
        raise BadQuery(
            f"range of {key!r} needs numbers, got {str(value)[:40]!r}; a date is written as "
            "2024-12-31",
            param="filter",
        )
    return float(value)


def _is_number(value: object) -> TypeGuard[int | float]:
    """Return True for a finite number of moderate size; JSON allows whole numbers of any size."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= _LARGEST  # false for NaN
