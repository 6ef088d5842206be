"""Parse a catalog record of any format into an item, field by field."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Any, NamedTuple, TypeAlias, TypeVar

import msgspec

from indexer.catalog.stock import parse_stock
from indexer.items import MAX_ID_BYTES, AttributeValue, Item, clean_id

FIELDS = (
    "id",
    "product_id",
    "title",
    "description",
    "categories",
    "price",
    "currency",
    "in_stock",
    "url",
    "attributes",
    "images",
)

Record: TypeAlias = dict[str, Any]


class Cells(list[Any]):
    """The cells of several columns that give one field; each may be a list in itself."""


class Stored(NamedTuple):
    """A value of a field as a shop has stored it, which is not cleaned again."""

    value: Any


class BrokenRow(NamedTuple):
    """Why a row is not a record, and the columns that could still be read."""

    reason: str
    readable: Record


NumberedRow: TypeAlias = tuple[str, Record | BrokenRow]
"""A place in a catalog ("row 3"), and the record there or why it cannot be read."""

V = TypeVar("V", list[str], dict[str, AttributeValue])

MOST_COLUMNS = 16_384  # of a table, or fields of a record; as many as a spreadsheet has
MOST_VALUES = 1000  # images, categories or attributes of an item
MAX_TEXT = 1_000_000  # characters of a field; more are another file in a cell, no description
_EXACT = 2**53  # a float holds every integer up to here
# Pages show it as a link: "javascript:" and other schemes are refused.
_LINK = re.compile(r"https?://[^\s<>\"]+|/(?!/)[^\s<>\"]*", re.IGNORECASE)
_LIST_SEPARATOR = re.compile(r"[;|]")  # without white space, which takes quadratic time


class BadRecord(Exception):
    """A record that is not a valid item; catalog readers turn it into a Skipped.

    If ``id_known`` is False, the id itself is invalid, and ``item_id`` is for messages only.
    """

    def __init__(self, item_id: str, reason: str, *, id_known: bool = True) -> None:
        super().__init__(reason)
        self.item_id = item_id
        self.id_known = id_known


class GivenFields(NamedTuple):
    """The fields that a record sets; an empty cell clears its field, an absent cell keeps it.

    ``attributes`` are names of single attributes. If ``fields`` contains ``attributes``, the record
    replaces all attributes, and those it does not name are removed.
    """

    fields: frozenset[str]
    attributes: frozenset[str] = frozenset()

    def has_attribute(self, name: str) -> bool:
        """Return True if this attribute, or an object that contains it, is given."""
        parts = name.split(".")
        return "attributes" in self.fields or any(
            ".".join(parts[:end]) in self.attributes for end in range(1, len(parts) + 1)
        )


def item_from(record: Record) -> Item:
    """Parse a record with our field names. Raises BadRecord if it is not a valid item."""
    item_id = id_from(record)
    try:
        attributes = _attributes(record)
        return Item(
            item_id=item_id,
            product_id=_id(record.get("product_id"), "product_id", item_id) or item_id,
            title=_text(record, "title"),
            description=_text(record, "description"),
            categories=_bounded(_categories(record.get("categories")), "categories"),
            price=_price(record.get("price")),
            currency=_text(record, "currency").upper(),
            in_stock=parse_stock(record.get("in_stock")),
            url=link_from(record.get("url")),
            attributes=_bounded(attributes, "attributes"),
            images=_bounded(_list(record.get("images")), "images"),
        )
    except ValueError as error:
        raise BadRecord(item_id, str(error)) from error


def id_from(record: Record) -> str:
    """Return the id of a record; raise BadRecord with ``id_known`` False if it has none."""
    item_id = _id(record.get("id"), "id", "")
    if not item_id:
        raise BadRecord("", "no id", id_known=False)
    return item_id


def given_fields(record: Record) -> GivenFields:
    """Return the fields that a record with our field names sets."""
    fields = {name for name in record if name in FIELDS and name != "attributes"}
    names = {text_from(name): record[name] for name in record if name not in FIELDS}
    nested = record.get("attributes")
    if isinstance(nested, dict) and nested:
        names |= {text_from(name): value for name, value in nested.items()}
    elif "attributes" in record:
        fields.add("attributes")
    attributes: set[str] = set()
    for name, value in names.items():
        if isinstance(value, dict) and value:
            attributes.update(f"{name}.{text_from(inner)}" for inner in value)
        else:
            attributes.add(name)
    return GivenFields(frozenset(fields), frozenset(attributes))


def overlay(old: Item, new: Item, given: GivenFields) -> Item:
    """Return ``new`` with every field that its record does not give taken from ``old``."""
    kept: dict[str, object] = {
        field: getattr(old, field)
        for field in FIELDS
        if field not in given.fields and field not in ("id", "attributes")
    }
    if "attributes" not in given.fields:
        rest = {
            name: value for name, value in old.attributes.items() if not given.has_attribute(name)
        }
        kept["attributes"] = {**rest, **new.attributes}
    return msgspec.structs.replace(new, **kept)


def _id(value: object, field: str, item_id: str) -> str:
    id_known = field != "id"

    def bad(shown: str, reason: str) -> BadRecord:
        return BadRecord(item_id or shown, reason, id_known=id_known)

    if isinstance(value, bool) or not isinstance(value, str | int | float | None):
        raise bad("", f"{field} must be text, got {type(value).__name__}")
    if isinstance(value, float):
        value = None if math.isnan(value) else int(value) if value.is_integer() else value
    text = "" if value is None else clean_id(str(value))
    if len(text.encode("utf-8", "surrogatepass")) > MAX_ID_BYTES:
        raise bad(text[:40], f"{field} is longer than {MAX_ID_BYTES} bytes")
    if any(ord(letter) < 32 or 0xD800 <= ord(letter) < 0xE000 for letter in text):
        raise bad(ascii(text)[:40], f"{field} holds control characters")
    if field == "id" and text in (".", ".."):
        raise bad(text, f"id {text!r} is not allowed: URLs give it a special meaning")
    return text


def is_empty(value: object) -> bool:
    """Return True if a cell has no value: None, "" or NaN."""
    return value is None or value == "" or value != value  # NaN: an empty cell of a data frame


def text_from(value: object) -> str:
    """Return a value as text that can be encoded, without white space at its ends."""
    if is_empty(value):
        return ""
    # Broken JSON escapes decode to lone surrogates, which cannot be encoded.
    return str(value).strip().encode("utf-8", "replace").decode()


def _list(value: object) -> list[str]:
    if is_empty(value):
        return []
    parts = value if isinstance(value, list | tuple) else _LIST_SEPARATOR.split(str(value))
    return [text for part in parts if (text := text_from(part))]


def _categories(value: object) -> list[str]:
    return [path for text in _list(value) if (path := text.strip("/"))]


def _bounded(values: V, field: str) -> V:
    """Return a list or a dict. Raise ValueError if it has more than an item can have."""
    if len(values) > MOST_VALUES:
        raise ValueError(f"has {len(values)} {field}, at most {MOST_VALUES} are read")
    leaves = [*values, *values.values()] if isinstance(values, dict) else values
    _check_letters(sum(map(_letters, leaves)), field)
    return values


def _letters(value: AttributeValue) -> int:
    if isinstance(value, list):
        return sum(map(len, value))
    return len(value) if isinstance(value, str) else 0


def check_length(value: object, field: str) -> None:
    """Raise ValueError for a text that is longer than a field can be."""
    if isinstance(value, str):
        _check_letters(len(value), field)


def _check_letters(letters: int, field: str) -> None:
    if letters > MAX_TEXT:
        raise ValueError(f"{field} has {letters:,} characters, at most {MAX_TEXT:,} are read")


def _text(record: Record, field: str) -> str:
    check_length(record.get(field), field)
    return text_from(record.get(field))


def _price(value: object) -> float | None:
    if is_empty(value):
        return None
    try:
        price = float(str(value).strip())
    except ValueError:
        price = math.nan
    if not math.isfinite(price) or price < 0 or isinstance(value, bool):
        raise ValueError(f"price must be a number such as 12.50, got {str(value)[:40]!r}")
    return price


def link_from(value: object) -> str:
    """Return a link that a page may show. Raises ValueError for another scheme than HTTP."""
    check_length(value, "url")
    url = text_from(value)
    if url and not _LINK.fullmatch(url):
        raise ValueError(
            "url must begin with https://, http:// or /, and have no space, quote, < or >, got "
            f"{url[:40]!r}"
        )
    return url


def _attributes(record: dict[str, Any]) -> dict[str, AttributeValue]:
    found: dict[str, AttributeValue] = {}
    nested = record.get("attributes")
    if nested is not None and nested != "" and not isinstance(nested, dict):
        raise ValueError(f"attributes must be an object, got {type(nested).__name__}")
    columns = {name: value for name, value in record.items() if name not in FIELDS}
    for name, value in {**columns, **(nested or {})}.items():
        key = text_from(name)
        if isinstance(value, dict):
            for inner, leaf in value.items():
                _set_attribute(found, f"{key}.{text_from(inner)}", leaf)
        else:
            _set_attribute(found, key, value)
    return found


def _set_attribute(found: dict[str, AttributeValue], key: str, value: object) -> None:
    if not key or value is None or value == "" or value == []:
        return
    if isinstance(value, bool):
        found[key] = value
    elif isinstance(value, float | Decimal):
        if math.isfinite(value):
            found[key] = float(value)
    elif isinstance(value, int):  # as text where a float would lose digits of an article number
        found[key] = float(value) if abs(value) <= _EXACT else str(value)
    elif isinstance(value, list | tuple):
        found[key] = [text_from(entry) for entry in value]
    else:
        found[key] = text_from(value)
