"""The listings of a shop on Etsy, which need no article numbers."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any, Final

from indexer.catalog.item_parser import BrokenRow, Record
from indexer.catalog.plaintable import PlainTable
from indexer.catalog.shopformat import ColumnMapping, ReadRows, text_cell
from indexer.catalog.texts import plain_text

if TYPE_CHECKING:
    from indexer.catalog.item_parser import NumberedRow

_MARKS: Final = frozenset({"title", "materials", "variation 1 type"})
_LONGEST: Final = 80  # letters of an id that is made of a title


class Etsy(PlainTable):
    """Items are listings; the id is the SKU, or the title in small letters if it has none."""

    name = "etsy"
    lists = frozenset({"tags", "materials"})

    def recognizes(self, columns: Collection[str]) -> bool:
        """Return True if a file has the columns of Etsy's export."""
        return set(columns) >= _MARKS

    def rows(self, read: ReadRows) -> Iterator[NumberedRow]:
        """Yield each listing with an id of its own."""
        taken: set[str] = set()
        for where, row in read():
            if isinstance(row, BrokenRow):
                yield where, row
                continue
            made = text_cell(self._get(row, "sku")) or _made_id(text_cell(self._get(row, "title")))
            number, item = 1, made
            while item in taken:
                number += 1
                item = f"{made}-{number}"
            taken.add(item)
            yield where, {**row, "id": item}

    def record(self, row: Record, mapping: ColumnMapping) -> Record:
        """Return the record of a listing; a variation is the list of its values."""
        record = super().record(row, mapping)
        for number in (1, 2):
            name = text_cell(self._get(row, f"variation {number} name")).lower()
            values: Any = record.get(name)
            if name and isinstance(values, str) and "," in values:
                record[name] = [part.strip() for part in values.split(",")]
            for part in ("type", "name", "values"):
                record.pop(self._index(row).get(f"variation {number} {part}", ""), None)
        return record


def _made_id(title: str) -> str:
    return re.sub(r"[^\w]+", "-", plain_text(title).lower()[:_LONGEST]).strip("-")
