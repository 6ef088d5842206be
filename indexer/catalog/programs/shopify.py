"""The product export of Shopify: rows of one handle are a product, its variants and pictures."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

from indexer.catalog.item_parser import BrokenRow, Cells, Record
from indexer.catalog.shopformat import (
    ColumnMapping,
    ReadRows,
    ShopFormat,
    grouped,
    inherited,
    is_blank,
    text_cell,
)

if TYPE_CHECKING:
    from indexer.catalog.item_parser import NumberedRow

_HANDLE: Final = ("handle", "url handle")
_SKU: Final = ("variant sku", "sku")
_PRICE: Final = ("variant price", "price")
_IMAGES: Final = ("image src", "product image url")
_OWN_IMAGE: Final = ("variant image", "variant image url")
_OPTIONS: Final = tuple((f"option{n} name", f"option{n} value") for n in (1, 2, 3))
# A row with one of these is a variant; others add a picture to the product.
_OF_A_VARIANT: Final = (*_SKU, *_PRICE, *(value for _, value in _OPTIONS))
_MARKS: Final = frozenset(
    {
        *("variant sku", "variant price", "image src", "body (html)", "option1 value"),
        *("product image url", "option1 name", "published on online store"),
    }
)
_METAFIELD: Final = re.compile(r"\s*\(product\.metafields\..*\)$")
_OF_MARKET: Final = re.compile(r"(?:Included|Compare[ -][Aa]t [Pp]rice) / ")
HIDDEN: Final = frozenset({"draft", "archived", "unlisted"})


class Shopify(ShopFormat):
    """Items are variants: the id is the SKU, or the handle with the options if it has none."""

    name = "shopify"
    columns: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "id": _SKU,
        "product_id": _HANDLE,
        "title": ("title",),
        "description": ("body (html)", "body html", "description"),
        "categories": ("product category", "type", "custom product type"),
        "price": _PRICE,
        "in_stock": ("in stock",),
        "images": _IMAGES,
    }
    attributes: ClassVar[Mapping[str, str]] = {
        "vendor": "brand",
        "tags": "tags",
        "variant barcode": "barcode",
        "barcode": "barcode",
    }
    ignored = frozenset(
        {
            *_OWN_IMAGE,
            *(name for pair in _OPTIONS for name in pair),
            *("published", "published on online store", "status", "image position"),
            *("image alt text", "gift card", "seo title", "seo description", "cost per item"),
            *("variant grams", "variant inventory tracker", "variant inventory qty"),
            *("variant inventory policy", "variant fulfillment service", "variant tax code"),
            *("variant compare at price", "compare-at price", "variant requires shipping"),
            *("variant taxable", "variant weight unit", "inventory tracker", "inventory quantity"),
            *("continue selling when out of stock", "weight value (grams)", "fulfillment service"),
            *("weight unit for display", "requires shipping", "charge tax", "tax code"),
            *("unit price total measure", "unit price total measure unit"),
            *("unit price base measure", "unit price base measure unit"),
            *("option1 linked to", "option2 linked to", "option3 linked to"),
        }
    )

    def recognizes(self, columns: Collection[str]) -> bool:
        """Return True if a file has handles, and a column that only Shopify has."""
        has = set(columns)
        return bool(has.intersection(_HANDLE)) and bool(has.intersection(_MARKS))

    def rows(self, read: ReadRows) -> Iterator[NumberedRow]:
        """Yield a row for each variant, with the cells of its product and its pictures."""
        skus = Counter(
            self._first(row, _SKU) for _, row in read() if not isinstance(row, BrokenRow)
        )
        for group in grouped(read, lambda row: self._first(row, _HANDLE) or None):
            if isinstance(group, tuple):
                yield group
            else:
                yield from self._variants(group, skus)

    def not_for_sale(self, row: Record) -> str:
        """Return a reason for a draft, an archived product, and one that is not published."""
        status = text_cell(self._get(row, "status"))
        if status.casefold() in HIDDEN:
            return f"its Status is {status!r}"
        for key in ("published", "published on online store"):
            if text_cell(self._get(row, key)).casefold() in ("false", "no"):
                return "it is not published"
        return ""

    def record(self, row: Record, mapping: ColumnMapping) -> Record:
        """Return the record of a variant, with its options as attributes."""
        record = super().record(row, mapping)
        for name, value in self._options(row):
            record.setdefault(name, value)
        stock = self._stock(row)
        if "in_stock" not in record and stock is not None:
            record["in_stock"] = stock
        if is_blank(record.get("id")):
            record["id"] = record.get("product_id")
        return {
            self._attribute_name(name, record): value
            for name, value in record.items()
            if not _OF_MARKET.match(name)
        }

    @staticmethod
    def _attribute_name(name: str, record: Record) -> str:
        """Return the name of a metafield's attribute: ``Fabric (product.metafields.custom...)``."""
        bare = _METAFIELD.sub("", name)
        is_taken = bare != name and (bare in record or bare.casefold() in record)
        return name if is_taken or not bare else bare

    def _variants(
        self, group: list[tuple[str, Record]], skus: Counter[str]
    ) -> Iterator[NumberedRow]:
        first = group[0][1]
        titled = next((row for _, row in group if not is_blank(self._get(row, "title"))), first)
        variants = [(where, row) for where, row in group if self._is_variant(row)] or group[:1]
        taken: set[str] = set()
        for where, row in variants:
            full = inherited(row, titled, self._shared_columns(titled))
            images = self._images_of(row, group, [own for _, own in variants])
            full[self._name_of(row, _IMAGES)] = Cells(images)
            sku = self._first(row, _SKU)
            if not sku or skus[sku] > 1:
                sku = self._made_id(full, len(variants), taken)
            taken.add(sku)
            full[self._name_of(row, _SKU)] = sku
            yield where, full

    def _is_variant(self, row: Record) -> bool:
        return any(self._first(row, (key,)) for key in _OF_A_VARIANT)

    def _shared_columns(self, row: Record) -> list[str]:
        """Return the columns that variants take from their product: not those of a variant."""
        own = {*_SKU, *_PRICE, *_OWN_IMAGE, *_IMAGES, *(value for _, value in _OPTIONS)}
        return [
            name
            for name in row
            if (key := self._key(name)) not in own
            and not key.startswith(("variant ", "inventory "))
        ]

    def _images_of(
        self, row: Record, group: list[tuple[str, Record]], variants: list[Record]
    ) -> list[Any]:
        """Return the pictures of a variant: its own first, then those of the product.

        The pictures of other variants are left out. With a column of variant images, these are
        the variants' own; without it, the picture in the row of a variant is.
        """
        own_column = _IMAGES if self._get_any(row, _OWN_IMAGE) is None else _OWN_IMAGE
        own = self._first(row, own_column)
        others = {self._first(variant, own_column) for variant in variants if variant is not row}
        listed = [self._first(member, _IMAGES) for _, member in sorted(group, key=self._position)]
        shared = [image for image in listed if image and image not in others]
        found = [image for image in (own, *shared) if image] or [image for image in listed if image]
        return list(dict.fromkeys(found))

    def _position(self, member: tuple[str, Record]) -> float:
        try:
            return float(text_cell(self._get(member[1], "image position")))
        except ValueError:
            return float("inf")

    def _made_id(self, row: Record, variants: int, taken: set[str]) -> str:
        """Return the id of a variant without a SKU of its own: its handle and options."""
        parts = [self._first(row, _HANDLE)]
        if variants > 1:
            parts += [str(value) for _, value in self._options(row)]
        made = "-".join(part for part in parts if part)
        number = 1
        unique = made
        while unique in taken:
            number += 1
            unique = f"{made}-{number}"
        return unique

    def _options(self, row: Record) -> list[tuple[str, Any]]:
        """Return the names and values of the options; a product without variants has none."""
        found = []
        for name_key, value_key in _OPTIONS:
            value = self._get(row, value_key)
            if is_blank(value) or value == "Default Title":
                continue
            name = text_cell(self._get(row, name_key)).lower() or value_key.split()[0]
            found.append((name, value))
        return found

    def _stock(self, row: Record) -> Any:
        """Return the quantity, if Shopify counts it and does not sell beyond it."""
        keys = ("variant inventory qty", "inventory quantity")
        quantity = self._first(row, keys)
        policy = self._first(
            row, ("variant inventory policy", "continue selling when out of stock")
        )
        tracker = self._get_any(row, ("variant inventory tracker", "inventory tracker"))
        if not quantity or policy.casefold() in ("continue", "true"):
            return None if not quantity else True
        return True if tracker is not None and is_blank(tracker) else quantity

    def _first(self, row: Record, keys: Collection[str]) -> str:
        return next((text for key in keys if (text := text_cell(self._get(row, key)))), "")

    def _get_any(self, row: Record, keys: Collection[str]) -> Any:
        return next((value for key in keys if (value := self._get(row, key)) is not None), None)

    def _name_of(self, row: Record, keys: tuple[str, ...]) -> str:
        """Return the column of a row with one of these keys, or the first key if it has none."""
        index = self._index(row)
        return next((index[key] for key in keys if key in index), keys[0])
