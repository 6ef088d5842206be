"""The format of a table whose columns have our own names, or common ones."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Final

from indexer.catalog.item_parser import Record
from indexer.catalog.shopformat import ColumnMapping, ShopFormat

_COMMON: Final[Mapping[str, tuple[str, ...]]] = {
    "title": ("name",),
    "categories": ("category",),
    "images": ("image",),
    "url": ("link", "permalink", "product url"),
    "product_id": ("item group id",),
}  # the first column of these, if none has the name of the field
_WHERE: Final = r" ?(?:url|link|src|path)?s?"
_IMAGE: Final = re.compile(rf"(?:additional )?(?:image|img)s?{_WHERE}")
_NUMBERED: Final = re.compile(rf"(?:additional )?(?:image|img|picture|photo)s?{_WHERE} ?-?(\d+)")


class PlainTable(ShopFormat):
    """A table of any origin; columns that are not fields are attributes."""

    name = "csv"

    def recognizes(self, columns: Collection[str]) -> bool:  # noqa: ARG002
        """Return True: every table is one."""
        return True

    def _columns_of(
        self, field: str, found: Mapping[str, str], mapping: ColumnMapping
    ) -> list[str]:
        if field in mapping:
            return list(mapping[field])
        for key in (field.replace("_", " "), *_COMMON.get(field, ())):
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
        """Return the record of a row; see ``ShopFormat.record``."""
        return super().record({str(name): value for name, value in row.items()}, mapping)
