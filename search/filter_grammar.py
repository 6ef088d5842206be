"""The string form of filters: its grammar, and its parser."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

from indexer.errors import BadQuery
from search.filters import MAX_DEPTH, AllOf, AnyOf, Filter, Match, Not, Range, Value

_MAX_LENGTH = 4000
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
    if kind in ("among", "not_among"):
        found = Match(key, tuple(_token_value(child) for child in children[1:]))
        return Not(found) if kind == "not_among" else found
    return _compare(key, str(children[1]), _token_value(children[2]))


def _compare(key: str, operator: str, value: Value) -> Filter:
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


def _token_value(tree: Any) -> Value:
    """Return the value of a token: unquoted true and false are bool, all else is text."""
    text = _token_text(tree)
    if tree.children[0].type == "WORD" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    return text


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
