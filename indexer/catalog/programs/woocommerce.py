"""The product export of WooCommerce: products, and variations that name their parent."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

from indexer.catalog.item_parser import BrokenRow, Record
from indexer.catalog.programs.woocolumns import english_key
from indexer.catalog.saleprice import amount_of, price_now
from indexer.catalog.shopformat import (
    ColumnMapping,
    ReadRows,
    ShopFormat,
    inherited,
    is_blank,
    text_cell,
)
from indexer.catalog.tablecolumns import sale_days

if TYPE_CHECKING:
    from indexer.catalog.item_parser import NumberedRow

_ATTRIBUTE: Final = re.compile(r"attribute (\d+) (name|value\(s\)|visible|global|default)")
_PRIVATE: Final = re.compile(r"Meta: _|Download \d+ ")
_INHERITED: Final = (
    "name",
    "categories",
    "tags",
    "images",
    "description",
    "short description",
    "brands",
)
_MARKS: Final = frozenset(
    {
        *("in stock?", "regular price", "is featured?", "visibility in catalog", "tax status"),
        *("stock status", "permalink", "date created gmt", "average rating", "catalog visibility"),
    }
)


_USUAL: Final = frozenset({"categories", "images", "regular price", "type", "published", "parent"})


class WooCommerce(ShopFormat):
    """Items are products and variations; the id is that of WordPress, or else the SKU."""

    name = "woocommerce"
    columns: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "id": ("id", "sku"),
        "product_id": ("parent", "parent id"),
        "title": ("name",),
        "description": ("description", "short description"),
        "categories": ("categories",),
        "price": ("regular price", "price", "sale price"),
        "in_stock": ("in stock?", "stock status", "in stock"),
        "url": ("permalink", "external url"),
        "images": ("images",),
    }
    attributes: ClassVar[Mapping[str, str]] = {"brands": "brand", "tags": "tags"}
    ignored = frozenset(
        {
            *("type", "published", "status", "is featured?", "visibility in catalog", "position"),
            *("date sale price starts", "date sale price ends", "tax status", "tax class", "stock"),
            *("low stock amount", "backorders allowed?", "sold individually?", "upsells"),
            *("allow customer reviews?", "purchase note", "shipping class", "download limit"),
            *("download expiry days", "grouped products", "cross-sells", "button text"),
            *("catalog visibility", "featured", "swatches attributes", "price html", "slug"),
            *("on sale", "purchasable", "total sales", "virtual", "downloadable", "downloads"),
            *("manage stock", "backorders", "backorders allowed", "backordered", "variations"),
            *("sold individually", "shipping required", "shipping taxable", "shipping class id"),
            *("reviews allowed", "average rating", "rating count", "related ids", "upsell ids"),
            *("cross sell ids", "menu order", "date created gmt", "date modified"),
            *("date modified gmt", "date on sale from", "date on sale from gmt", " links"),
            *("date on sale to", "date on sale to gmt", "default attributes", "has options"),
            *("low stock amount", "stock quantity", "links", "post password", "tax class"),
        }
    )

    def __init__(self, today: datetime.date | None = None) -> None:
        """``today`` decides which sales are on; None is the present day."""
        super().__init__()
        self._today = today or datetime.datetime.now(tz=datetime.UTC).date()
        self._parents: dict[str, tuple[str, Record]] = {}  # by id and SKU: id and row
        self._lowest: dict[str, Any] = {}  # the lowest price of the variations of a parent, by id

    def recognizes(self, columns: Collection[str]) -> bool:
        """Return True if a file has names, an id or SKU, and a column that only WooCommerce has."""
        has = {english_key(column) for column in columns}
        is_named = "name" in has and bool(has & {"id", "sku"})
        # "Preço" names a regular price in any table, so it alone is no sign of WooCommerce.
        # "In stock?" is a question of any table, beside other names than these.
        is_sure = ("in stock?" in has and not has.isdisjoint(_USUAL)) or "regular price" in columns
        return is_named and len(has & _MARKS) >= (1 if is_sure else 2)

    def rows(self, read: ReadRows) -> Iterator[NumberedRow]:
        """Yield every row; a variation inherits categories, texts and pictures."""
        self._find_parents(read)
        if self._parents:
            self._find_prices(read)
        for where, row in read():
            if isinstance(row, BrokenRow):
                yield where, row
                continue
            parent = self._parent_of(row)
            if parent is not None:
                index = self._index(row)
                names = [index[key] for key in _INHERITED if key in index]
                row = inherited(row, parent[1], names)
            yield where, row

    def not_for_sale(self, row: Record) -> str:
        """Return a reason for a product that is private, or a draft."""
        published = text_cell(self._get(row, "published")).casefold()
        status = text_cell(self._get(row, "status")).casefold()
        if published in ("0", "-1", "false", "no"):
            return f"its Published is {published!r}"
        return f"its status is {status!r}" if status in ("draft", "private", "trash") else ""

    def record(self, row: Record, mapping: ColumnMapping) -> Record:
        """Return the record of a row, with its price of today and its attributes by name."""
        record = super().record(row, mapping)
        if "price" not in mapping and "price" in record:
            record["price"] = self._price_of(row, record["price"])
            if is_blank(record["price"]):  # of a product with variations
                record["price"] = self._lowest.get(self._own_id(row), record["price"])
        if "categories" not in mapping and isinstance(record.get("categories"), str):
            # A comma in a name has a backslash, so every other one separates.
            record["categories"] = re.split(r"\s*(?<!\\),\s*", record["categories"])
        for name in ("description", "short description"):
            if isinstance(text := record.get(name), str) and "\\n" in text:
                record[name] = text.replace("\\n", "\n")  # as WooCommerce writes a line break
        if "product_id" not in mapping and not is_blank(record.get("product_id")):
            parent = self._parent_of(row)
            text = text_cell(record["product_id"]).removeprefix("id:")
            record["product_id"] = parent[0] if parent else ("" if text == "0" else text)
        for name, value in self._attributes_of(row).items():
            record.setdefault(name, value)
        meta = record.pop("meta_data", None)
        if isinstance(meta, list):
            record["meta_data"] = [part for part in meta if not _is_private(part)]
        return {
            name: value
            for name, value in record.items()
            if not _ATTRIBUTE.fullmatch(self._key(name))
            and not _PRIVATE.match(name)
            and name != "_links"
        }

    def _key(self, name: str) -> str:
        if name not in self._keys:
            self._keys[name] = english_key(name)
        return self._keys[name]

    def _find_parents(self, read: ReadRows) -> None:
        self._parents = {}
        for _, row in read():
            if isinstance(row, BrokenRow) or "variable" not in text_cell(
                self._get(row, "type")
            ).casefold().replace("variation", ""):
                continue
            own, sku = text_cell(self._get(row, "id")), text_cell(self._get(row, "sku"))
            for key in filter(None, (f"id:{own}" if own else "", own, sku)):
                self._parents[key] = own or sku, row

    def _price_of(self, row: Record, price: Any) -> Any:
        start = self._get(row, "date sale price starts") or self._get(row, "date on sale from")
        end = self._get(row, "date sale price ends") or self._get(row, "date on sale to")
        if start is None and end is None:  # another table with a regular price
            start, end = (row.get(name) for name in sale_days(tuple(row)))
        return price_now(price, self._get(row, "sale price"), start, end, self._today)

    def _own_id(self, row: Record) -> str:
        return text_cell(self._get(row, "id")) or text_cell(self._get(row, "sku"))

    def _find_prices(self, read: ReadRows) -> None:
        """Find the lowest price of the variations of each product."""
        self._lowest = {}
        amounts: dict[str, float] = {}
        for _, row in read():
            parent = None if isinstance(row, BrokenRow) else self._parent_of(row)
            if isinstance(row, BrokenRow) or parent is None:
                continue
            price = self._price_of(row, self._get(row, "regular price"))
            amount = amount_of(price)
            if amount is not None and amount < amounts.get(parent[0], math.inf):
                amounts[parent[0]] = amount
                self._lowest[parent[0]] = price

    def _parent_of(self, row: Record) -> tuple[str, Record] | None:
        name = text_cell(self._get(row, "parent")) or text_cell(self._get(row, "parent id"))
        return self._parents.get(name) if name else None

    def _attributes_of(self, row: Record) -> dict[str, Any]:
        """Return ``Attribute 1 name`` and ``Attribute 1 value(s)`` as attributes."""
        found: dict[str, Any] = {}
        for key, column in self._index(row).items():
            match = _ATTRIBUTE.fullmatch(key)
            if match is None or match[2] != "name":
                continue
            name = text_cell(row[column]).lower()
            value = self._get(row, f"attribute {match[1]} value(s)")
            if not name or is_blank(value):
                continue
            values = [part.strip() for part in re.split(r"(?<!\\)[,|]", text_cell(value))]
            found[name] = values[0] if len(values) == 1 else [part for part in values if part]
        return found


def _is_private(part: Any) -> bool:
    """Return True for the metadata of a plugin, whose key begins with an underscore."""
    return isinstance(part, dict) and str(part.get("key", "")).startswith("_")
