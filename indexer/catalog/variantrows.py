"""Tables in which the rows of a product's variants follow the row of the product."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any, Final

from indexer.catalog.columnnames import NAMES, loose_key
from indexer.catalog.item_parser import BrokenRow, Cells, Record, text_from
from indexer.catalog.plaintable import PlainTable
from indexer.catalog.prices import UnclearPrice, parse_price
from indexer.catalog.shopformat import (
    ColumnMapping,
    ReadRows,
    inherited,
    is_blank,
    text_cell,
)

if TYPE_CHECKING:
    from indexer.catalog.item_parser import NumberedRow

_TABLES: Final = (
    frozenset({"handleid", "fieldtype"}),  # Wix
    frozenset({"variant id", "hosted image urls"}),  # Squarespace
    frozenset({"product internal id", "type"}),  # Ecwid
    frozenset({"item type", "product code sku"}),  # BigCommerce
    frozenset({"item", "options", "current stock"}),
)
_KINDS: Final = ("field type", "fieldtype", "item type", "item", "type")
_NAME: Final = re.compile(r"(?:product )?option ?name ?(\d)")
_VALUE: Final = re.compile(r"(?:product )?option ?(?:value|description) ?(\d)")
_NAMED: Final = re.compile(r"product variation option (.+)")
_PAIR: Final = re.compile(r"(?:\[[A-Z]+\])?\s*([^=,|]+)=([^,|]+)")
_COLOR: Final = re.compile(r"#[0-9A-Fa-f]{3,8}:")
_OWN: Final = frozenset(
    {
        *NAMES["id"], *NAMES["count"], *NAMES["in_stock"], *NAMES["images"], "options",
        "variant id", "product variation sku", "surcharge", "on sale", "sale price",
    }
)  # fmt: skip
_SKUS: Final = ("product variation sku", "sku", "product code sku", "product sku")


class VariantRows(PlainTable):
    """Items are variants, or products without variants.

    The row of a variant has a kind, such as ``Variant``, or no title; its empty cells are those of
    its product. Read are the exports of Wix, Squarespace, Ecwid and BigCommerce.
    """

    name = "variants"
    lists = frozenset({"tags"})
    ignored = frozenset(
        {
            *("product id [non editable]", "variant id [non editable]", "product page", "handleid"),
            *("product type [non editable]", "fieldtype", "type", "item type", "item", "options"),
            *("sku", "product variation sku", "product sku", "product code/sku", "product id"),
            *("product internal id", "on sale", "sale price", "surcharge", "visible"),
            *("product is inventory tracked", "product visible?", "is visible", "product name"),
            *("inventory tracking", "is virtual", "brand id", "channels", "product type", "id"),
            *("productoptiontype1", "productoptiontype2", "productoptiontype3"),
        }
    )

    def recognizes(self, columns: Collection[str]) -> bool:
        """Return True if a file has the columns of one of these programs."""
        keys = {loose_key(column) for column in columns}
        return any(marks <= keys for marks in _TABLES)

    def rows(self, read: ReadRows) -> Iterator[NumberedRow]:
        """Yield a row for each variant, or for a product without variants."""
        group: list[tuple[str, Record]] = []
        for where, row in read():
            if isinstance(row, BrokenRow):
                yield where, row
            elif (kind := self._kind_of(row)) == "other":
                reason = f"its kind is {text_cell(row[self._kind_column(row)])!r}: not a product"
                yield where, BrokenRow(reason, {})
            else:
                if kind == "product" and group:
                    yield from self._items(group)
                    group = []
                group.append((where, row))
        if group:
            yield from self._items(group)

    def record(self, row: Record, mapping: ColumnMapping) -> Record:
        """Return the record of an item, with its options as attributes."""
        record = super().record(row, mapping)
        page, slug = self._cell(row, ("product page",)), self._cell(row, ("product url",))
        if page and slug and "url" not in mapping and "/" not in slug:
            record["url"] = f"/{page.strip('/')}/{slug}"
        for name, value in self._options(row):
            record.setdefault(name, value)
        return {
            name: value
            for name, value in record.items()
            if not (_NAME.match(key := loose_key(name)) or _VALUE.match(key) or _NAMED.match(key))
        }

    def _kind_column(self, row: Record) -> str:
        by_key = self._columns(row).by_key
        if "hosted image urls" in by_key:
            return ""
        return next((by_key[key] for key in _KINDS if key in by_key), "")

    def _kind_of(self, row: Record) -> str:
        """Return ``product``, ``variant``, ``picture`` or ``other``."""
        column = self._kind_column(row)
        if not column:
            return "product" if self._cell(row, ("title",)) else "variant"
        kind = text_cell(row[column]).casefold()
        if re.search(r"varia|sku", kind):
            return "variant"
        if re.search(r"image|picture|media|video", kind):
            return "picture"
        return "product" if kind.startswith("product") else "other"

    def _items(self, group: list[tuple[str, Record]]) -> Iterator[NumberedRow]:
        product = group[0][1]
        kinds = [self._kind_of(row) for _, row in group]
        variants = [entry for entry, kind in zip(group, kinds, strict=True) if kind == "variant"]
        if not self._kind_column(product):  # the first row is a variant, too
            variants = [group[0], *variants]
        pictures = [
            text
            for (_, row), kind in zip(group, kinds, strict=True)
            if kind != "variant"
            for text in self._pictures(row)
        ]
        first = self._cell(product, NAMES["product_id"]) or self._cell(product, _SKUS)
        taken: set[str] = set()
        for where, row in variants or group[:1]:
            full = inherited(row, product, [n for n in product if loose_key(n) not in _OWN])
            options = self._options(full, row)
            number = self._cell(row, _SKUS) or self._cell(row, ("variant id",))
            made = "-".join(filter(None, (first, *(text_from(value) for _, value in options))))
            item = number if number and number not in taken else made
            taken.add(item)
            own = self._pictures(row)
            for column in (name for name in product if loose_key(name) == "product name"):
                if text_cell(row[column]).startswith("["):
                    full[column] = product[column]
            yield where, {
                **full, "id": item, "product_id": first or item, **self._price_of(full, product),
                "images": Cells(dict.fromkeys([*own, *pictures])), **dict(options),
            }  # fmt: skip

    def _pictures(self, row: Record) -> list[Any]:
        columns = self._columns(row).images()
        return [row[name] for name in columns if not is_blank(row[name])]

    def _price_of(self, row: Record, product: Record) -> Record:
        """Return the price of a variant with its surcharge, if the program gives one."""
        extra = self._cell(row, ("surcharge",))
        price = self._cell(product, ("price",))
        if not extra or not price or row is product:
            return {}
        try:
            total = (parse_price(price, ".").amount or 0) + (parse_price(extra, ".").amount or 0)
        except UnclearPrice:
            return {}
        column = self._columns(row).by_key["price"]
        return {column: round(total, 4)}

    def _options(self, row: Record, own: Record | None = None) -> list[tuple[str, Any]]:
        """Return the names and values of the options of a variant."""
        found: list[tuple[str, Any]] = []
        names = {
            match[1]: text_cell(value)
            for column, value in row.items()
            if (match := _NAME.fullmatch(loose_key(column)))
        }
        for column, value in (row if own is None else own).items():
            key, text = loose_key(column), text_cell(value)
            if not text:
                continue
            if match := _VALUE.fullmatch(key):
                parts = [_COLOR.sub("", part).strip() for part in text.split(";")]
                name = names.get(match[1]) or f"option {match[1]}"
                found.append((name.casefold(), parts[0] if len(parts) == 1 else parts))
            elif match := _NAMED.fullmatch(key):
                found.append((match[1], value))
            elif key == "options":
                pairs = dict(re.findall(r"(Name|Value)=([^|]*)", text))
                if "Name" in pairs and "Value" in pairs:
                    found.append((pairs["Name"].casefold(), pairs["Value"]))
            elif key == "product name" and text.startswith("["):
                found += [(name.strip().casefold(), cell) for name, cell in _PAIR.findall(text)]
        return found

    def _cell(self, row: Record, keys: Collection[str]) -> str:
        by_key = self._columns(row).by_key
        texts = (text_cell(row[by_key[key]]) for key in keys if key in by_key)
        return next((text for text in texts if text), "")
