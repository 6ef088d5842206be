"""Flatten the attributes of a record: nested objects, lists of pairs, texts in languages."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from indexer.catalog.item_parser import FIELDS, Record, text_from
from indexer.catalog.nested import decoded_cell, first_of, text_of
from indexer.catalog.texts import in_language, is_translated, plain_text

_DEEPEST: Final = 4
_BOOLEANS: Final = {"true": True, "false": False}
_KEYS: Final = ("name", "attribute_code", "code", "key", "label", "PARAM_NAME")
_VALUES: Final = ("value", "values", "option", "options", "terms", "VAL")

_SINGLE: Final = ({"name", "value"}, {"PARAM_NAME", "VAL"})  # a list of pairs that has but one
_REFERENCE: Final = frozenset(
    {"name", "id", "slug", "handle", "code", "url", "@type", "@id"}
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
            _flatten(columns, text_from(name), _boolean(value), language)
    nested: Record | None = None
    if "attributes" in record:
        nested = {}
        given = decoded_cell(record["attributes"])
        if isinstance(given, dict):
            for name, value in given.items():
                _flatten(nested, text_from(name), value, language)
        elif isinstance(given, list) and (pairs := _pairs(given)) is not None:
            for name, value in pairs.items():
                _flatten(nested, name, value, language)
        elif given not in (None, "", []) and given == given:  # PHP writes {} as []
            nested = None
            faults.append(f"attributes must be an object, got {type(given).__name__}")
    return FlatAttributes(columns, nested, faults)


def _boolean(value: Any) -> Any:
    """Return True or False for the cell of a table that says so; any other value as it is."""
    if isinstance(value, str) and len(value) < 10:
        return _BOOLEANS.get(value.strip().lower(), value)
    return value


def _flatten(found: Record, name: str, value: Any, language: str | None, depth: int = 0) -> None:
    if isinstance(value, dict) and depth == 0 and set(value) in _SINGLE:
        value = [value]
    if isinstance(value, dict):
        if is_translated(value) and (language or "en" in value):
            value = in_language(value, language)
        elif "name" in value and set(value) <= _REFERENCE:
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
    """Return ``[{"name": "Color", "value": "red"}]`` as an object; None if it is no such list."""
    pairs: dict[str, Any] = {}
    for part in value:
        if not isinstance(part, dict):
            return None
        name, leaf = first_of(part, _KEYS), first_of(part, _VALUES)
        if not isinstance(name, str) or leaf is None:
            return None
        pairs[name.strip()] = leaf
    return pairs or None
