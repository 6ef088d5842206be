"""The format of a table whose columns have our own names, or common ones."""

from __future__ import annotations

import datetime
import re
from collections.abc import Collection, Mapping
from typing import Final

from indexer.catalog.item_parser import Record
from indexer.catalog.saleprice import price_now
from indexer.catalog.shopformat import COMMON, ColumnMapping, ShopFormat

_WHERE: Final = r" ?(?:url|link|src|path)?s?"
_IMAGE: Final = re.compile(rf"(?:additional )?(?:image|img)s?{_WHERE}")
_NUMBERED: Final = re.compile(rf"(?:additional )?(?:image|img|picture|photo)s?{_WHERE} ?-?(\d+)")


class PlainTable(ShopFormat):
    """A table of any origin; columns that are not fields are attributes."""

    name = "csv"
    lists = frozenset()
    ignored = frozenset({"embeddings"})  # of an export

    def __init__(self) -> None:
        super().__init__()
        self._today = datetime.datetime.now(tz=datetime.UTC).date()

    def recognizes(self, columns: Collection[str]) -> bool:  # noqa: ARG002
        """Return True: every table is one."""
        return True

    def _columns_of(
        self, field: str, found: Mapping[str, str], mapping: ColumnMapping
    ) -> list[str]:
        if field in mapping:
            return list(mapping[field])
        if field == "images" and "image" in found and "images" in found:
            return self._with_numbered(field, [found["image"], found["images"]], found)
        for key in (field.replace("_", " "), *COMMON.get(field, ())):
            if key in found:
                return self._with_numbered(field, [found[key]], found)
        if field != "images":
            return []
        plain = [name for key, name in found.items() if _IMAGE.fullmatch(key)]
        return self._with_numbered(field, plain, found)

    def _with_numbered(self, field: str, names: list[str], found: Mapping[str, str]) -> list[str]:
        """Add ``image1``, ``image2`` and so on to the columns of images, in their order."""
        if field != "images":
            return names
        numbered = [
            (int(match[1]), name)
            for key, name in found.items()
            if (match := _NUMBERED.fullmatch(key)) and name not in names
        ]
        return [*names, *(name for _, name in sorted(numbered))]

    def record(self, row: Record, mapping: ColumnMapping) -> Record:
        """Return the record of a row; a sale price that is valid today is its price."""
        named = {str(name): value for name, value in row.items()}
        record = super().record(named, mapping)
        if "price" in record and "price" not in mapping:
            sale = self._get(named, "sale price")
            record["price"] = price_now(record["price"], sale, "", "", self._today)
        return record
