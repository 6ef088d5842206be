"""Filters: which items may be found at all. A string form for people, JSON for programs.

String form::

    category = "Home/Mugs" and price < 20 and color in [red, blue] and not sale = yes

JSON form, as Qdrant writes it::

    {"must": [{"key": "category", "match": {"value": "Home/Mugs"}},
              {"key": "price", "range": {"lt": 20}},
              {"key": "color", "match": {"any": ["red", "blue"]}}],
     "must_not": [{"key": "sale", "match": {"value": "yes"}}]}

A key is ``category`` (a path matches everything below it), ``price``, ``in_stock``,
``item_id``, ``product_id``, or any attribute; ``attributes.NAME`` reaches an attribute that
has one of those names. Texts are compared without regard to case, and to how accents are written.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, TypeAlias, TypeGuard

import msgspec

from indexer.errors import BadQuery

Value: TypeAlias = str | float | bool

BUILTIN = ("category", "price", "in_stock", "item_id", "product_id")  # fields of every item

_MAX_LENGTH = 4000
_LARGEST = 1e300
_MAX_DEPTH = 32  # of objects in the JSON form, of parentheses and nots in the string form
_MAX_CONDITIONS = 1000  # of the JSON form: each is held against every item of the shop
_MAX_VALUES = 10_000  # of all its conditions: each is looked up in every layer of the shop
_GRAMMAR = r"""
    start: any
    any: all (_OR all)*
    all: unary (_AND unary)*
    ?unary: _NOT unary -> negation
          | "(" any ")" -> group
          | key COMPARE value -> comparison
          | key _IN "[" value ("," value)* "]" -> among
          | key _NOT _IN "[" value ("," value)* "]" -> not_among
    key: WORD | STRING
    value: WORD | STRING
    COMPARE: "<=" | ">=" | "!=" | "=" | "<" | ">"
    _OR.2: /or(?![^\s()\[\],=<>!"'])/i
    _AND.2: /and(?![^\s()\[\],=<>!"'])/i
    _NOT.2: /not(?![^\s()\[\],=<>!"'])/i
    _IN.2: /in(?![^\s()\[\],=<>!"'])/i
    STRING: /"(\\.|[^"\\])*"/ | /'(\\.|[^'\\])*'/
    WORD: /[^\s()\[\],=<>!"']+/
    %ignore /\s+/
"""


class Match(msgspec.Struct, frozen=True, tag=True):
    """The field has one of these values."""

    key: str
    values: tuple[Value, ...]


class Range(msgspec.Struct, frozen=True, tag=True):
    """The field is a number within these bounds; an item without a number is not."""

    key: str
    above: float = -math.inf
    below: float = math.inf
    above_included: bool = True
    below_included: bool = True


class AllOf(msgspec.Struct, frozen=True, tag=True):
    """Every part holds; without parts, always."""

    parts: tuple[Filter, ...]


class AnyOf(msgspec.Struct, frozen=True, tag=True):
    """At least one part holds; without parts, never."""

    parts: tuple[Filter, ...]


class Not(msgspec.Struct, frozen=True, tag=True):
    """The part does not hold."""

    part: Filter


Filter: TypeAlias = Match | Range | AllOf | AnyOf | Not


def parse_filter(text: str) -> Filter:
    """The filter that the string form describes; BadQuery points at what is not understood."""
    from lark.exceptions import UnexpectedInput

    if len(text) > _MAX_LENGTH:
        raise BadQuery(
            f"filter has {len(text)} characters, at most {_MAX_LENGTH} are read", param="filter"
        )
    try:
        tree = _parser().parse(text)
        return _from_tree(tree.children[0], 0)
    except UnexpectedInput as error:
        ended = getattr(getattr(error, "token", None), "type", "") == "$END"
        start = len(text) if ended else (error.pos_in_stream or 0)
        rest = text[start : start + 20]
        at = f"at character {start + 1}: {rest!r}" if rest else "at its end"
        raise BadQuery(
            f'filter is not understood {at}; write for example: category = "Mugs" and '
            "price < 20 and color in [red, blue]",
            param="filter",
        ) from None


def filter_from_json(value: object) -> Filter:
    """The filter that the JSON form describes; BadQuery names what is wrong with it."""
    found = _from_json(value, 0)
    if (conditions := _conditions_in(found)) > _MAX_CONDITIONS:
        raise BadQuery(
            f"filter has {conditions} conditions, at most {_MAX_CONDITIONS} are read; match with "
            "any takes many values at once",
            param="filter",
        )
    if (values := _values_in(found)) > _MAX_VALUES:
        raise BadQuery(
            f"filter has {values} values, at most {_MAX_VALUES} are read", param="filter"
        )
    return found


def _from_json(value: object, depth: int) -> Filter:
    if depth > _MAX_DEPTH:
        raise BadQuery(f"filter is nested deeper than {_MAX_DEPTH}", param="filter")
    if not isinstance(value, dict):
        raise BadQuery(
            f"filter must be an object with must, should or must_not, got {type(value).__name__}",
            param="filter",
        )
    if "key" in value:
        return _condition(value)
    unknown = set(value) - {"must", "should", "must_not"}
    if unknown:
        raise BadQuery(
            f"filter has the unknown part {sorted(map(str, unknown))[0]!r}; it takes must, "
            "should, must_not, or one condition with key and match or range",
            param="filter",
        )
    parts: list[Filter] = list(_conditions(value.get("must"), depth))
    should = _conditions(value.get("should"), depth)
    if should:
        parts.append(AnyOf(should))
    parts.extend(Not(part) for part in _conditions(value.get("must_not"), depth))
    return parts[0] if len(parts) == 1 else AllOf(tuple(parts))


def without_key(filter_: Filter | None, key: str) -> Filter | None:
    """The filter less its conditions on ``key``, where these are joined to the rest by "and".

    Facet counts of a field use it: ticking one color must not hide the other colors.
    """
    if filter_ is None or _only_about(filter_, key):
        return None
    if isinstance(filter_, AllOf):
        kept = tuple(part for part in filter_.parts if not _only_about(part, key))
        return AllOf(kept)
    return filter_


def _only_about(filter_: Filter, key: str) -> bool:
    if isinstance(filter_, Match | Range):
        return _plain(filter_.key) == _plain(key)
    if isinstance(filter_, Not):
        return _only_about(filter_.part, key)
    return bool(filter_.parts) and all(_only_about(part, key) for part in filter_.parts)


def _plain(key: str) -> str:
    """A key without ``attributes.``, unless that tells it from a field of every item."""
    short = key.removeprefix("attributes.")
    return key if short in BUILTIN else short


def _conditions(value: object, depth: int) -> tuple[Filter, ...]:
    if value is None:
        return ()
    many = value if isinstance(value, list) else [value]
    return tuple(_from_json(part, depth + 1) for part in many)


def _conditions_in(filter_: Filter) -> int:
    if isinstance(filter_, Not):
        return _conditions_in(filter_.part)
    if isinstance(filter_, AllOf | AnyOf):
        return 1 + sum(map(_conditions_in, filter_.parts))
    return 1


def _values_in(filter_: Filter) -> int:
    if isinstance(filter_, Match):
        return len(filter_.values)
    if isinstance(filter_, Not):
        return _values_in(filter_.part)
    return sum(map(_values_in, filter_.parts)) if isinstance(filter_, AllOf | AnyOf) else 0


def _condition(value: dict[str, Any]) -> Filter:
    key, match, bounds = value["key"], value.get("match"), value.get("range")
    if not isinstance(key, str) or (match is None) == (bounds is None) or len(value) != 2:
        raise BadQuery(
            "a filter condition has a key and either match or range, such as "
            '{"key": "color", "match": {"value": "red"}}',
            param="filter",
        )
    if match is not None:
        return _match(key, match)
    if not isinstance(bounds, dict) or not bounds or set(bounds) - {"gt", "gte", "lt", "lte"}:
        raise BadQuery(f"range of {key!r} takes gt, gte, lt, lte", param="filter")
    numbers = {name: _number(key, number) for name, number in bounds.items()}
    if {"gt", "gte"} <= set(numbers) or {"lt", "lte"} <= set(numbers):
        raise BadQuery(f"range of {key!r} has two bounds on one side", param="filter")
    return Range(
        key,
        above=numbers.get("gt", numbers.get("gte", -math.inf)),
        below=numbers.get("lt", numbers.get("lte", math.inf)),
        above_included="gt" not in numbers,
        below_included="lt" not in numbers,
    )


def _match(key: str, match: object) -> Filter:
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


def _number(key: str, value: object) -> float:
    if not _is_number(value):
        raise BadQuery(f"range of {key!r} needs numbers, got {str(value)[:40]!r}", param="filter")
    return float(value)


def _is_number(value: object) -> TypeGuard[int | float]:
    """A whole number without end, which JSON allows, is none either."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= _LARGEST  # false for NaN, too


@lru_cache(maxsize=1)
def _parser() -> Any:
    from lark import Lark

    return Lark(_GRAMMAR, parser="lalr", maybe_placeholders=False)


def _from_tree(tree: Any, depth: int) -> Filter:
    """``depth`` counts the parentheses and nots around the tree."""
    if depth > _MAX_DEPTH:
        raise BadQuery(f"filter is nested deeper than {_MAX_DEPTH}", param="filter")
    kind, children = tree.data, tree.children
    if kind in ("any", "all"):
        parts = tuple(_from_tree(child, depth) for child in children)
        if len(parts) == 1:
            return parts[0]
        return AnyOf(parts) if kind == "any" else AllOf(parts)
    if kind == "negation":
        return Not(_from_tree(children[0], depth + 1))
    if kind == "group":
        return _from_tree(children[0], depth + 1)
    key = str(_text(children[0]))
    if kind in ("among", "not_among"):
        found = Match(key, tuple(_value(child) for child in children[1:]))
        return Not(found) if kind == "not_among" else found
    return _comparison(key, str(children[1]), _value(children[2]))


def _comparison(key: str, operator: str, value: Value) -> Filter:
    if operator == "=":
        return Match(key, (value,))
    if operator == "!=":
        return Not(Match(key, (value,)))
    try:
        bound = math.nan if isinstance(value, bool) else float(value)
    except ValueError:
        bound = math.nan
    if not math.isfinite(bound):
        raise BadQuery(
            f"filter compares {key} {operator} {value!r}: {operator} needs a number",
            param="filter",
        )
    if operator[0] == "<":
        return Range(key, below=bound, below_included=operator == "<=")
    return Range(key, above=bound, above_included=operator == ">=")


def _value(tree: Any) -> Value:
    text = _text(tree)
    if tree.children[0].type == "WORD" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    return text


def _text(tree: Any) -> str:
    token = tree.children[0]
    if token.type != "STRING":
        return str(token)
    body = str(token)[1:-1]
    out, escaped = [], False
    for letter in body:
        if letter == "\\" and not escaped:
            escaped = True
        else:
            out.append(letter)
            escaped = False
    return "".join(out)
