"""Flatten the attributes of a record: nested objects, lists of pairs, texts in languages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from indexer.catalog.item_parser import FIELDS, Record, text_from
from indexer.catalog.nested import decoded_cell, first_of, text_of
from indexer.catalog.texts import in_language, is_translated, plain_text

_DEEPEST: Final = 4
_BOOLEANS: Final = {"true": True, "false": False}
_KEYS: Final = ("name", "attribute_name", "attribute_code", "code", "key", "label", "PARAM_NAME")
_VALUES: Final = ("value", "values", "attribute_value", "option", "options", "terms", "VAL")

_NAMED_BY: Final = ("attribute", "option", "group", "facet")  # objects with the name of a value

_TEXT_PAIR: Final = re.compile(r"([^:=]{1,60}?)\s*[:=]\s*([^:=].*)")
_SINGLE: Final = (
    {"name", "value"},
    {"attribute_name", "attribute_value"},
    {"PARAM_NAME", "VAL"},
)  # a list of pairs that has but one
_NAMES: Final = frozenset({"name", "label"})
_REFERENCE: Final = frozenset(
    {*_NAMES, "id", "key", "slug", "handle", "code", "url", "@type", "@id"}
)  # an object of these keys is something by its name, such as a brand


class FlatAttributes(NamedTuple):
    """Attributes whose values are texts, numbers, booleans or lists of texts.

    ``columns`` are those of single columns; ``nested`` those of the field ``attributes``, None if
    the record has no such field. ``faults`` are reasons why something was left out.
    """

    columns: Record
    nested: Record | None
    faults: list[str]


def flat_attributes(record: Record, language: str | None = None) -> FlatAttributes:
    """Flatten every column that is not a field, and the field ``attributes``."""
    columns: Record = {}
    faults: list[str] = []
    for name, value in record.items():
        if name not in FIELDS:
            _flatten(columns, text_from(name), _typed(value), language)
    nested: Record | None = None
    if "attributes" in record:
        nested = {}
        given = decoded_cell(record["attributes"])
        if isinstance(given, dict):
            for name, value in given.items():
                _flatten(nested, text_from(name), value, language)
        elif (isinstance(given, list) and (pairs := _listed_pairs(given)) is not None) or (
            isinstance(given, str) and (pairs := _pairs_in(given)) is not None
        ):
            for name, value in pairs.items():
                _flatten(nested, name, value, language)
        elif given not in (None, "", []) and given == given:  # PHP writes {} as []
            nested = None
            faults.append(f"attributes must be an object, got {type(given).__name__}")
    return FlatAttributes(columns, nested, faults)


def _typed(value: Any) -> Any:
    """Return True or False for the cell of a table that says so, and the list that is one in JSON.

    Any other value is returned as it is.
    """
    if isinstance(value, str) and value.startswith('["'):
        return decoded_cell(value)
    if isinstance(value, str) and len(value) < 10:
        return _BOOLEANS.get(value.strip().lower(), value)
    return value


def _flatten(found: Record, name: str, value: Any, language: str | None, depth: int = 0) -> None:
    if isinstance(value, dict) and depth == 0 and len(value) == 1:
        inner = next(iter(value.values()))  # <properties> that holds a list of <property>
        value = inner if isinstance(inner, list) and _pairs(inner) is not None else value
    if isinstance(value, dict) and depth == 0 and set(value) in _SINGLE:
        value = [value]
    if isinstance(value, dict):
        if is_translated(value) and (language or "en" in value):
            value = in_language(value, language)
        elif set(value) <= _REFERENCE and not _NAMES.isdisjoint(value):
            value = text_of(value, language)
        elif depth < _DEEPEST and value:
            for inner, leaf in value.items():
                _flatten(found, f"{name}.{text_from(inner)}", leaf, language, depth + 1)
            return
        else:
            value = text_of(value, language)
    elif isinstance(value, list | tuple):
        pairs = _pairs(value)
        if pairs is not None and depth < _DEEPEST:
            for inner, leaf in pairs.items():
                _flatten(
                    found, inner if depth == 0 else f"{name}.{inner}", leaf, language, depth + 1
                )
            return
        value = [text for part in value if (text := plain_text(text_of(part, language)))]
    found[name] = plain_text(value) if isinstance(value, str) else value


def _pairs(value: Any) -> dict[str, Any] | None:
    """Return ``[{"name": "Color", "value": "red"}]`` as an object; None if it is no such list.

    The values of a repeated name are a list.
    """
    pairs: dict[str, Any] = {}
    for part in value:
        if not isinstance(part, dict):
            return None
        name, leaf = _pair(part)
        if not isinstance(name, str) or leaf is None:
            return None
        key = name.strip()
        if key in pairs and pairs[key] != leaf:
            before = pairs[key]
            leaf = [*(before if isinstance(before, list) else [before]), leaf]
        pairs[key] = leaf
    return pairs or None


def _listed_pairs(value: list[Any]) -> dict[str, Any] | None:
    """Return a list of pairs as an object: also of ``Color: red``, and of ``{"Color": "red"}``."""
    if value and all(isinstance(part, str) for part in value):
        return _pairs_in("\n".join(value))
    if value and all(isinstance(part, dict) and len(part) == 1 for part in value):
        return {str(name): leaf for part in value for name, leaf in part.items()}
    return _pairs(value)


def _pairs_in(text: str) -> dict[str, Any] | None:
    """Return ``Size: S, Color: White`` as an object; None if a part has no name and value."""
    parts = [_TEXT_PAIR.fullmatch(part.strip()) for part in re.split(r"[,;|\n]", text)]
    if not parts or not all(parts):
        return None
    return {match[1]: match[2] for match in parts if match}


def _pair(part: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return the name and the value that an object states; the name may be in an object of it."""
    if "option_display_name" in part:
        return part["option_display_name"], part.get("label")
    for key in _NAMED_BY:
        group = part.get(key)
        if isinstance(group, dict):
            leaf = first_of(part, ("values", "value", "name", "label"))
            if isinstance(leaf, list) and len(leaf) == 1:
                leaf = leaf[0]
            return first_of(group, ("name", "title", "label", "slug")), leaf
    leaf = first_of(part, _VALUES)
    if leaf is None and "code" in part:  # of Magento's GraphQL
        leaf = part.get("label")
        return part["code"], leaf
    return first_of(part, _KEYS), leaf
