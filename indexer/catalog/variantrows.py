"""Tables in which the rows of a product's variants follow the row of the product."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from indexer.catalog.columnnames import NAMES, loose_key
from indexer.catalog.item_parser import BrokenRow, Cells, Record, text_from
from indexer.catalog.optioncolumns import without_swatch
from indexer.catalog.plaintable import PlainTable
from indexer.catalog.prices import UnclearPrice, parse_price
from indexer.catalog.saleprice import discounted
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
    frozenset({"handle", "fieldtype"}),
    frozenset({"variant id", "hosted image urls"}),  # Squarespace
    frozenset({"product internal id", "type"}),  # Ecwid
    frozenset({"item type", "product code sku"}),  # BigCommerce
    frozenset({"item", "options", "current stock"}),
    frozenset({"relationship", "relationshipdetails"}),  # eBay
    frozenset({"relationship", "relationship details"}),
)
_KINDS: Final = ("field type", "fieldtype", "item type", "relationship", "item", "type")
_NAME: Final = re.compile(r"(?:product )?option ?name ?(\d)")
_VALUE: Final = re.compile(r"(?:product )?option ?(?:value|description|choices) ?(\d)")
_NAMED: Final = re.compile(r"product variation option \{?(.+?)\}?")
_OPTION: Final = re.compile(r"Name=([^|=]*)\|Value=(.*?)(?=[;,|\s]{0,3}Type=|$)", re.DOTALL)
_PAIR: Final = re.compile(r"(?:\[[A-Z]+\])?\s*([^=,|]+)=([^,|]+)")
_OWN: Final = frozenset(
    {
        *NAMES["id"], *NAMES["count"], *NAMES["in_stock"], *NAMES["images"], "options",
        "variant id", "product variation sku", "surcharge", "on sale", "sale price",
    }
)  # fmt: skip
_SKUS: Final = ("product variation sku", "sku", "product code sku", "product sku", "custom label")


class VariantRows(PlainTable):
    """Items are variants, or products without variants.

    The row of a variant has a kind, such as ``Variant``, or no title; its empty cells are those of
    its product. Read are the exports of Wix, Squarespace, Ecwid and
    BigCommerce, and listing files of eBay.
    """

    name = "variants"
    ignored = frozenset(
        {
            *("product id [non editable]", "variant id [non editable]", "product page", "handleid"),
            *("product type [non editable]", "fieldtype", "type", "item type", "item", "options"),
            *("sku", "product variation sku", "product sku", "product code/sku", "product id"),
            *("product internal id", "on sale", "sale price", "surcharge", "visible"),
            *("product is inventory tracked", "product visible?", "is visible", "product name"),
            *("inventory tracking", "is virtual", "brand id", "channels", "product type", "id"),
            *("productoptiontype1", "productoptiontype2", "productoptiontype3", "discountmode"),
            *("discountvalue", "strikethroughprice", "preorderenabled", "relationship"),
            *("handle", "mediaalttext", "relationshipdetails", "product option name"),
            *("product option type", "product option value", "variant image url"),
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
            if not (_NAME.match(key := _numbered_key(name)) or _VALUE.match(key))
            and not (_NAMED.match(key) or key.startswith(("product option type", "custom label")))
            and loose_key(name) != "action"
        }

    def _kind_column(self, row: Record) -> str:
        by_key = self._columns(row).by_key
        if "hosted image urls" in by_key:
            return ""
        return next((by_key[key] for key in _KINDS if key in by_key), "")

    def _kind_of(self, row: Record) -> str:
        """Return ``product``, ``variant``, ``other``, or ``part`` for a picture or an option."""
        column = self._kind_column(row)
        if not column:
            return "product" if self._cell(row, ("title",)) else "variant"
        kind = text_cell(row[column]).casefold()
        if re.search(r"varia|sku", kind):
            return "variant"
        if re.search(r"image|picture|media|video|option", kind):
            return "part"
        if not kind and column == self._columns(row).by_key.get("relationship"):
            return "product"
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
        of_variants = Counter(text for _, row in variants for text in self._pictures(row))
        first = self._cell(product, (*NAMES["product_id"], *_SKUS, "id", *NAMES["id"]))
        taken: set[str] = set()
        for where, row in variants or group[:1]:
            full = inherited(row, product, [n for n in product if loose_key(n) not in _OWN])
            options = self._options(full, row)
            number = self._cell(row, _SKUS) or self._cell(row, ("variant id",))
            made = "-".join(filter(None, (first, *(text_from(value) for _, value in options))))
            item = number if number and number not in taken else made
            taken.add(item)
            own = self._pictures(row)
            shared = [text for text in pictures if not of_variants[text]] if own else pictures
            for column in (name for name in product if loose_key(name) == "product name"):
                if text_cell(row[column]).startswith("["):
                    full[column] = product[column]
            yield where, {
                **full, "id": item, "product_id": first or item, **self._price_of(row, product),
                "images": Cells(dict.fromkeys([*own, *shared])), **dict(options),
            }  # fmt: skip

    def _pictures(self, row: Record) -> list[Any]:
        found: list[Any] = []
        for name in self._columns(row).images():
            cell = row[name]
            is_list = loose_key(name) == "media" and isinstance(cell, str)  # of Wix
            parts = [part.strip() for part in cell.split(";")] if is_list else [cell]
            found += [part for part in parts if not is_blank(part)]
        return found

    def _price_of(self, row: Record, product: Record) -> Record:
        """Return the price of an item, where the program writes it as a sum or a discount.

        That is Wix's surcharge on the price of the product, and its discount; and a sale price of
        the product, which is that of variants without a price of their own.
        """
        by_key = self._columns(row).by_key
        sale = self._columns(row).first("sale price")
        if sale is not None and is_blank(row.get(by_key.get("price", ""))):
            return {sale: product[sale]}
        extra = self._cell(row, ("surcharge",)) if row is not product else ""
        price = self._cell(product if extra else row, ("price",)) or self._cell(product, ("price",))
        discount = self._cell(product, ("discount value",))
        if not price or not (extra or discount):
            return {}
        try:
            total = sum(parse_price(part, ".").amount or 0 for part in (price, extra or 0))
        except UnclearPrice:
            return {}
        is_share = self._cell(product, ("discount mode",)).casefold() == "percent"
        return {by_key["price"]: discounted(total, discount, is_share=is_share)}

    def _options(self, row: Record, own: Record | None = None) -> list[tuple[str, Any]]:
        """Return the names and values of the options of a variant."""
        found: list[tuple[str, Any]] = []
        names = {
            match[1]: text_cell(value)
            for column, value in row.items()
            if (match := _NAME.fullmatch(_numbered_key(column)))
        }
        for column, value in (row if own is None else own).items():
            key, text = _numbered_key(column), text_cell(value)
            if not text:
                continue
            if match := _VALUE.fullmatch(key):
                parts = [without_swatch(part) for part in text.split(";")]
                name = names.get(match[1]) or f"option {match[1]}"
                found.append((name.lower(), parts[0] if len(parts) == 1 else parts))
            elif match := _NAMED.fullmatch(key):
                found.append((match[1], value))
            elif key == "options":
                pairs = _OPTION.findall(text)
                found += [(name.lower(), without_swatch(cell)) for name, cell in pairs]
            elif key == "product name" and text.startswith("["):
                found += [(name.strip().lower(), cell) for name, cell in _PAIR.findall(text)]
        return found

    def _cell(self, row: Record, keys: Collection[str]) -> str:
        by_key = self._columns(row).by_key
        texts = (text_cell(row[by_key[key]]) for key in keys if key in by_key)
        return next((text for text in texts if text), "")


@lru_cache(maxsize=1024)
def _numbered_key(column: str) -> str:
    """Return the ``loose_key`` of a column with its number, also one in brackets."""
    return loose_key(re.sub(r"\[(\d)\]", r" \1", column))
