"""The columns and cells of an export, written so that reading them gives the same item.

The column ``vitrine_export`` marks a file as an export: its texts are read as they are, and all
columns that are no fields are attributes, whatever their names are. A cell of an attribute is a
text, or JSON if it is a list, or a text that would be read as something else.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from indexer.formulacell import text_of_cell, without_formula
from indexer.jsonbytes import decode_json_as

EXPORT_COLUMNS: Final = (
    "id", "product_id", "title", "description", "categories", "price", "currency", "in_stock",
    "url", "images",
)  # fmt: skip
EXPORT_MARK: Final = "vitrine_export"
VERSION: Final = "1"
VECTORS: Final = "embeddings"
OTHERS: Final = "attributes"
"""The column of the attributes that have none of their own: an object in JSON."""
_NUMBER: Final = ":number"
_OWN_COLUMN: Final = re.compile(r"\w[^;|:<>\"\t\r\n.]{0,99}(?<!\s)")
_TAKEN: Final = frozenset({*EXPORT_COLUMNS, EXPORT_MARK, VECTORS, OTHERS})
# Parts that a reader of any list in a cell separates as they were joined.
_JOINED: Final = re.compile(r"(?:https?://)?[\w().%-]+(?:(?:/| &? ?)[\w().%-]+)*", re.ASCII)
_BOOLEANS: Final = {"true": True, "false": False}


def column_of(attribute: str, value: object) -> str:
    """Return the column of an attribute with such a value, or "" if its name may be no column's."""
    is_own = _OWN_COLUMN.fullmatch(attribute) is not None and attribute not in _TAKEN
    if not is_own or text_of_cell(attribute) != attribute:
        return ""
    return f"{attribute}{_NUMBER}" if _is_number(value) else attribute


def attribute_in(column: str, cell: str) -> tuple[str, Any]:
    """Return the attribute of a column and its value in a cell, None if the cell is empty."""
    name = column.removesuffix(_NUMBER)
    if not cell:
        return name, None
    if name != column:
        try:
            return name, float(cell)
        except ValueError:  # a person wrote a text
            return name, cell
    return name, _value_of(cell)


def cell_of(value: Any) -> str:
    """Return the cell of an attribute's value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if _is_number(value):
        return number_cell(value)
    is_text = isinstance(value, str) and value and _value_of(value) == value
    return without_formula(value if is_text else _json(value))


def list_cell(texts: list[str]) -> str:
    """Return the cell of a list: joined by ``;``, or as JSON if that may be read as another."""
    if all(map(_JOINED.fullmatch, texts)) and len(set(texts)) == len(texts):
        return ";".join(texts)
    return _json(texts)


def list_in(cell: str) -> list[str] | None:
    """Return the list of texts that a cell is in JSON, else None."""
    if not cell.startswith("["):
        return None
    try:
        return decode_json_as(cell, list[str])
    except msgspec.DecodeError:
        return None


def number_cell(value: float) -> str:
    """Return a number as a spreadsheet shows it, without ``.0``; no digit is lost."""
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def _value_of(cell: str) -> str | bool | list[str]:
    if cell in _BOOLEANS:
        return _BOOLEANS[cell]
    if cell.startswith('"'):
        try:
            return decode_json_as(cell, str)
        except msgspec.DecodeError:
            return cell
    listed = list_in(cell)
    return cell if listed is None else listed


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
