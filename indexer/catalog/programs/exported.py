"""The export of a shop by ``vitrine export``, in any kind of file."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any, ClassVar

from indexer.catalog.item_parser import FIELDS, Record, Stored
from indexer.catalog.nested import decoded_cell
from indexer.catalog.shopformat import ColumnMapping, ShopFormat, column_key
from indexer.exportcells import EXPORT_MARK, OTHERS, VECTORS, attribute_in, list_in

_MARK = column_key(EXPORT_MARK)
_TEXTS = frozenset({"product_id", "title", "description", "currency"})


class Exported(ShopFormat):
    """Items as a shop has them: nothing is guessed, and no column has a meaning but the fields.

    A field that a person has changed is read as in any table.
    """

    name: ClassVar[str] = "vitrine"

    def recognizes(self, columns: Collection[str]) -> bool:
        """Return True if a column marks the file as an export."""
        return _MARK in columns

    def record(self, row: Record, mapping: ColumnMapping) -> Record:
        """Return the record of a row; a mapped column is read as in any table."""
        record = {
            field: _field(field, row[field]) for field in FIELDS if field in row and field != OTHERS
        }
        if attributes := _attributes(row):
            record[OTHERS] = Stored(attributes)
        for field, names in mapping.items():
            if present := [row[name] for name in names if name in row]:
                record[field] = self._value(field, present)
        return record


def _field(field: str, cell: Any) -> Any:
    """Return a field as it is stored, or its cell if it must be read."""
    if field in _TEXTS and isinstance(cell, str):
        return Stored(cell)
    if field == "price" and isinstance(cell, str):
        try:
            price = float(cell)
        except ValueError:
            return cell
        return price if math.isfinite(price) and price >= 0 else cell
    if field in ("categories", "images"):
        listed = list_in(cell) if isinstance(cell, str) else cell
        if isinstance(listed, list):  # paths of images are looked for, whatever wrote them
            return Stored(listed) if field == "categories" else listed
    return cell


def _attributes(row: Record) -> Record:
    """Return all attributes of a row; those of empty cells are None."""
    others = decoded_cell(row.get(OTHERS))
    found: Record = dict(others) if isinstance(others, dict) else {}
    for column, cell in row.items():
        if column in FIELDS or column in (EXPORT_MARK, VECTORS):
            continue
        name, value = attribute_in(column, cell) if isinstance(cell, str) else (column, cell)
        if value is not None or name not in found:
            found[name] = value
    return found
