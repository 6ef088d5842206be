"""The string form of filters: its grammar, and its parser."""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import Any

from indexer.errors import BadQuery
from search.filters.conditions import (
    MAX_DEPTH,
    AllOf,
    AnyOf,
    Contains,
    Filter,
    Missing,
    Not,
    Range,
    Value,
)
from search.filters.dates import parse_date
from search.filters.jsonform import date_range, matching

_MAX_LENGTH = 4000
_CONSTANTS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
_RESERVED = frozenset({"and", "or", "not", "in", "is", "contains", *_CONSTANTS})
_JSON_BOUNDS = {"<": "lt", "<=": "lte", ">": "gt", ">=": "gte"}
_GRAMMAR = r"""
    start: any
    any: all (_OR all)*
    all: unary (_AND unary)*
    ?unary: _NOT unary -> negation
          | "(" any ")" -> group
          | key COMPARE value -> comparison
          | key _IN "[" value ("," value)* "]" -> among
          | key _NOT _IN "[" value ("," value)* "]" -> not_among
          | key _IS _NULL -> missing
          | key _IS _NOT _NULL -> present
          | key _CONTAINS value -> contains
          | key _NOT _CONTAINS value -> not_contains
    key: WORD | STRING
    value: WORD | STRING
    COMPARE: "<=" | ">=" | "!=" | "=" | "<" | ">"
    _OR.2: /or(?![^\s()\[\],=<>!"'])/i
    _AND.2: /and(?![^\s()\[\],=<>!"'])/i
    _NOT.2: /not(?![^\s()\[\],=<>!"'])/i
    _IN.2: /in(?![^\s()\[\],=<>!"'])/i
    _IS.2: /is(?![^\s()\[\],=<>!"'])/i
    _NULL.2: /null(?![^\s()\[\],=<>!"'])/i
    _CONTAINS.2: /contains(?![^\s()\[\],=<>!"'])/i
    STRING: /"(\\.|[^"\\])*"/ | /'(\\.|[^'\\])*'/
    WORD: /[^\s()\[\],=<>!"']+/
    %ignore /\s+/
"""


def parse_filter(text: str) -> Filter:
    """Parse a filter from its string form. Raises BadQuery, pointing at what is not understood."""
    from lark.exceptions import UnexpectedInput

    if len(text) > _MAX_LENGTH:
        raise BadQuery(
            f"filter has {len(text)} characters, at most {_MAX_LENGTH} are allowed", param="filter"
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


def quoted(text: str) -> str:
    """Return a key or value as a filter writes it: in quotes unless it is a plain word."""
    if re.fullmatch(r"\w+", text) and text.lower() not in _RESERVED:
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


@lru_cache(maxsize=1)
def _parser() -> Any:
    from lark import Lark

    return Lark(_GRAMMAR, parser="lalr", maybe_placeholders=False)


def _from_tree(tree: Any, depth: int) -> Filter:
    """Make a filter of a parse tree inside ``depth`` parentheses and nots."""
    if depth > MAX_DEPTH:
        raise BadQuery(f"filter is nested deeper than {MAX_DEPTH}", param="filter")
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
    key = str(_token_text(children[0]))
    if kind == "comparison":
        return _compare(key, str(children[1]), _token_value(children[2]))
    found = _test(key, kind.removeprefix("not_"), children[1:])
    return Not(found) if kind in ("not_among", "not_contains", "present") else found


def _test(key: str, kind: str, values: list[Any]) -> Filter:
    """Return the condition of an operator that is a word: ``in``, ``is null`` or ``contains``."""
    if kind == "among":
        return matching(key, [_token_value(child) for child in values])
    if kind == "contains":
        return Contains(key, _token_text(values[0]))
    return Missing(key)


def _compare(key: str, operator: str, value: Value | None) -> Filter:
    if operator == "=":
        return matching(key, [value])
    if operator == "!=":
        return Not(matching(key, [value]))
    if isinstance(value, str) and (date := parse_date(value)) is not None:
        return date_range(key, {_JSON_BOUNDS[operator]: date})
    try:
        bound = math.nan if value is None or isinstance(value, bool) else float(value)
    except ValueError:
        bound = math.nan
    if not math.isfinite(bound):
        raise BadQuery(
            f"filter compares {key} {operator} {'null' if value is None else repr(value)}: "
            f"{operator} needs a number, or a date such as 2024-12-31",
            param="filter",
        )
    if operator[0] == "<":
        return Range(key, below=bound, below_included=operator == "<=")
    return Range(key, above=bound, above_included=operator == ">=")


def _token_value(tree: Any) -> Value | None:
    """Return the value of a token: unquoted true and false are bool, null is None, else text."""
    text = _token_text(tree)
    return _CONSTANTS.get(text.lower(), text) if tree.children[0].type == "WORD" else text


def _token_text(tree: Any) -> str:
    """Return the text of a token, without its quotes and backslashes."""
    token = tree.children[0]
    if token.type != "STRING":
        return str(token)
    letters, escaped = [], False
    for letter in str(token)[1:-1]:  # without the quotes
        if letter == "\\" and not escaped:
            escaped = True
        else:
            letters.append(letter)
            escaped = False
    return "".join(letters)
