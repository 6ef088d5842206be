"""The table that commercetools exports: the rows of variants follow that of their product."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from indexer.catalog.currencies import WITHOUT_DECIMALS
from indexer.catalog.item_parser import BrokenRow, Record
from indexer.catalog.plaintable import PlainTable
from indexer.catalog.shopformat import ReadRows, is_blank, text_cell

if TYPE_CHECKING:
    from indexer.catalog.item_parser import NumberedRow

_PRICE: Final = re.compile(r"(?:[A-Z]{2}-)?([A-Z]{3}) (\d{1,15})\b.*")
_OWN: Final = frozenset({"sku", "prices", "images", "variantKey", "variantId"})


class CommercetoolsTable(PlainTable):
    """Items are variants; the row of a product's first variant has its texts.

    ``DE-EUR 1999;USD 2499`` are prices in the smallest unit of their currency.
    """

    name = "commercetools"

    def recognizes(self, columns: Collection[str]) -> bool:
        """Return True if a file has the columns of such an export."""
        return {"producttype", "variantid", "sku"} <= {name.replace(" ", "") for name in columns}

    def rows(self, read: ReadRows) -> Iterator[NumberedRow]:
        """Yield the rows, with what a variant lacks from the row of its product."""
        return super().rows(lambda: _filled(read))


def _filled(read: ReadRows) -> Iterator[NumberedRow]:
    product: Record = {}
    for where, row in read():
        if isinstance(row, BrokenRow):
            yield where, row
            continue
        if not is_blank(row.get("productType")):
            product = row
        full = {
            name: product.get(name) if is_blank(cell) and name not in _OWN else cell
            for name, cell in row.items()
        }
        own = text_cell(full.pop("key", "")) or text_cell(full.pop("id", ""))
        full["product_id"] = own or text_cell(product.get("sku"))
        full["id"] = full.pop("sku", "") or f"{own}-{text_cell(row.get('variantId'))}"
        full["price"] = [
            _price(part) for part in re.split(r"[;|]", text_cell(full.pop("prices", "")))
        ]
        yield where, full


def _price(text: str) -> Any:
    match = _PRICE.fullmatch(text.strip())
    if match is None:
        return text
    digits = 0 if match[1] in WITHOUT_DECIMALS else 2
    return {"amount": Decimal(match[2]).scaleb(-digits), "currency": match[1]}
