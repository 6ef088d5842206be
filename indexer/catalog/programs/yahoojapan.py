"""The table of products of Yahoo! Shopping in Japan, whose names of columns are common words."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from indexer.catalog.item_parser import Record
from indexer.catalog.plaintable import PlainTable
from indexer.catalog.shopformat import ColumnMapping, text_cell

_MARKS: Final = frozenset({"path", "name", "code", "headline", "caption"})
_TEXTS: Final = ("caption", "explanation", "headline")


class YahooJapan(PlainTable):
    """Items are products; ``path`` has a category on each line, its levels separated by colons."""

    name = "yahoo"

    def recognizes(self, columns: Collection[str]) -> bool:
        """Return True if a file has the columns of Yahoo! Shopping."""
        return set(columns) >= _MARKS

    def record(self, row: Record, mapping: ColumnMapping) -> Record:
        """Return the record of a product; the longest text that is given describes it."""
        own: dict[str, Any] = {}
        if "categories" not in mapping:
            lines = text_cell(row.get("path")).splitlines()
            own["categories"] = [line.replace(":", " > ") for line in lines]
        if "description" not in mapping:
            texts = (text_cell(row.get(name)) for name in _TEXTS)
            own["description"] = next(filter(None, texts), "")
        rest = {name: cell for name, cell in row.items() if name not in ("path", *_TEXTS)}
        return {**super().record(rest, mapping), **own}
