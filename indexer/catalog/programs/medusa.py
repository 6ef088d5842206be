"""The table that Medusa exports."""

from __future__ import annotations

import re
from collections.abc import Collection
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from indexer.catalog.columnnames import loose_key
from indexer.catalog.currencies import WITHOUT_DECIMALS
from indexer.catalog.plaintable import PlainTable
from indexer.catalog.shopformat import text_cell

if TYPE_CHECKING:
    from indexer.catalog.item_parser import Record
    from indexer.catalog.shopformat import ColumnMapping

_MARKS: Final = frozenset({"product handle", "product title", "variant title"})
_IN_CENTS: Final = re.compile(r"price .*")
_WHOLE: Final = re.compile(r"\d{1,12}")


class Medusa(PlainTable):
    """Items are variants.

    Version 1 writes prices in the smallest unit of their currency, in columns such as
    ``Price EUR``; version 2 writes amounts, in columns such as ``Variant Price EUR``.
    """

    name = "medusa"

    def recognizes(self, columns: Collection[str]) -> bool:
        """Return True if a file has the columns of version 1; those of version 2 need no care."""
        keys = {loose_key(name) for name in columns}
        return keys >= _MARKS and any(_IN_CENTS.fullmatch(key) for key in keys)

    def record(self, row: Record, mapping: ColumnMapping) -> Record:
        """Return the record of a variant; a price without decimals is a count of cents."""
        record = super().record(row, mapping)
        price = text_cell(record.get("price"))
        if "price" not in mapping and _WHOLE.fullmatch(price):
            digits = 0 if record.get("currency") in WITHOUT_DECIMALS else 2
            record["price"] = str(Decimal(price).scaleb(-digits))
        return record
