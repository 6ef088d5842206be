"""The product export of Magento: SKUs, lists of pictures, store views and configurables."""

from __future__ import annotations

import datetime
import re
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

from indexer.catalog.item_parser import BrokenRow, Cells, Record
from indexer.catalog.objectstock import stock_in
from indexer.catalog.saleprice import amount_of, price_now
from indexer.catalog.shopformat import (
    LIST_FIELDS,
    ColumnMapping,
    ReadRows,
    ShopFormat,
    column_key,
    grouped,
    inherited,
    is_blank,
    text_cell,
)

if TYPE_CHECKING:
    from indexer.catalog.item_parser import NumberedRow

_IMAGES: Final = (
    "image", "images", "base image", "additional images", "media image", "media gallery",
    "media gallery entries", "gallery", "image link", "image url",
)  # fmt: skip
_CATEGORIES: Final = ("categories", "category", "category path")
_INHERITED: Final = (*_CATEGORIES, "description", "short description", "base image")
_PAIR: Final = re.compile(r",(?=[A-Za-z0-9_]+=)")
_ROOT: Final = re.compile(r"^\s*(?:Default Category|Root Catalog)(?:/|\s*$)", re.IGNORECASE)
_MARKS: Final = frozenset(
    {
        *("attribute set code", "product websites", "base image", "store view code"),
        *("additional attributes", "attribute set", "type id", "super products sku"),
        *("configurable variations", "media gallery entries", "media gallery"),
    }
)
_COMPOSED: Final = frozenset({"bundle", "grouped", "configurable"})  # the price of parts
_UNSEEN: Final = frozenset(
    {
        *("image", "category_ids", "special_price", "special_from_date", "special_to_date"),
        *("required_options", "has_options", "tax_class_id", "options_container"),
    }
)  # attributes that shoppers do not see
_WEAK_MARKS: Final = frozenset({"additional images", "is in stock", "url key", "qty"})


class Magento(ShopFormat):
    """Items are products; the id is the SKU, and children of a configurable are its variants."""

    name = "magento"
    columns: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "id": ("sku",),
        "product_id": ("parent sku", "product id"),
        "title": ("name", "title"),
        "description": ("description", "short description"),
        "categories": _CATEGORIES,
        "price": ("price", "special price"),
        "in_stock": ("is in stock", "in stock", "stock status", "qty"),
        "url": ("url", "product url", "link"),
        "images": _IMAGES,
    }
    attributes: ClassVar[Mapping[str, str]] = {"manufacturer": "brand"}
    ignored = frozenset(
        {
            *("store view code", "attribute set code", "product type", "product websites"),
            *("weight", "product online", "tax class name", "visibility", "status", "type id"),
            *("special price from date", "special price to date", "url key", "meta title"),
            *("meta keywords", "meta description", "base image label", "small image", "type"),
            *("small image label", "thumbnail image", "thumbnail image label", "swatch image"),
            *("swatch image label", "additional image labels", "created at", "updated at"),
            *("new from date", "new to date", "display product options in", "map price"),
            *("msrp price", "map enabled", "gift message available", "custom design"),
            *("custom design from", "custom design to", "custom layout update", "page layout"),
            *("product options container", "msrp display actual price type", "qty", "thumbnail"),
            *("country of manufacture", "additional attributes", "out of stock qty"),
            *("use config min qty", "is qty decimal", "allow backorders", "backorders"),
            *("use config backorders", "min cart qty", "use config min sale qty", "max cart qty"),
            *("use config max sale qty", "notify on stock below", "use config notify stock qty"),
            *("manage stock", "use config manage stock", "use config qty increments"),
            *("qty increments", "use config enable qty inc", "enable qty increments"),
            *("is decimal divided", "website id", "related skus", "related position"),
            *("crosssell skus", "crosssell position", "upsell skus", "upsell position"),
            *("hide from product page", "custom options", "bundle price type", "attribute set"),
            *("bundle sku type", "bundle price view", "bundle weight type", "bundle values"),
            *("bundle shipment type", "associated skus", "configurable variations"),
            *("configurable variation labels", "downloadable links", "downloadable samples"),
            *("allow backorders", "min qty", "deferred stock update", "custom attributes"),
            *("use config deferred stock update", "extension attributes", "product links"),
            *("options", "tier prices", "attribute set id", "store", "root category"),
            *("super products sku", "super attribute code", "super attribute option"),
            *("super attribute price corr", "product websites", "media attribute id"),
            *("media lable", "media position", "media is disabled"),
        }
    )

    def __init__(self, language: str | None = None, today: datetime.date | None = None) -> None:
        """``language`` chooses a store view; ``today`` decides which sales are on."""
        super().__init__()
        self._language = (language or "").casefold()
        self._today = today or datetime.datetime.now(tz=datetime.UTC).date()
        self._parents: dict[str, Record] = {}  # the row of the configurable, by the child's SKU
        self._options: dict[str, dict[str, str]] = {}  # those of the configurable, by child
        self._lowest: dict[str, Any] = {}  # the lowest price of the children, by the parent's SKU
        self._last_sku = ""

    def recognizes(self, columns: Collection[str]) -> bool:
        """Return True if a file has SKUs but no ids, with a column of Magento or pictures."""
        has = set(columns)
        if "sku" not in has:
            return False
        if has & _MARKS or len(has & _WEAK_MARKS) > 1:
            return True
        named = {name for names in self.columns.values() for name in names}
        known = {*named, *self.ignored} - {"product id", "parent sku"}
        return has <= known and bool(has & set(_IMAGES))

    def rows(self, read: ReadRows) -> Iterator[NumberedRow]:
        """Yield a row for each SKU: its pictures are put together, and store views chosen."""
        self._find_parents(read)
        if self._parents:
            self._find_prices(read)
        for group in grouped(self._remembering(read), self._sku_of):
            if isinstance(group, tuple):
                yield group
                continue
            where, row = group[0][0], self._merged([member for _, member in group])
            parent = self._parents.get(text_cell(self._get(row, "sku")))
            if parent is not None:
                index = self._index(row)
                shared = _INHERITED if self._has_pictures(row) else (*_INHERITED, *_IMAGES)
                names = [index[key] for key in shared if key in index]
                row = inherited(row, parent, names)
            yield where, row

    def not_for_sale(self, row: Record) -> str:
        """Return a reason for a product that is offline or disabled."""
        if text_cell(self._get(row, "product online")) == "2":
            return "its product_online is 2"
        status = text_cell(self._get(row, "status")).casefold()
        return "its status is disabled" if status in ("disabled", "2") else ""

    def record(self, row: Record, mapping: ColumnMapping) -> Record:
        """Return the record of a row, with its price of today and its additional attributes."""
        more = self._more_attributes(row)
        record = super().record(row, mapping)
        if "price" not in mapping and "price" in record:
            record["price"] = self._price_of(row, more)
        if "images" not in mapping and isinstance(record.get("images"), list):
            record["images"] = type(record["images"])(filter(_is_shown, record["images"]))
        if "product_id" not in mapping and is_blank(record.get("product_id")):
            parent = self._parents.get(text_cell(record.get("id")))
            if parent is not None:
                record["product_id"] = text_cell(self._get(parent, "sku"))
        if "categories" not in mapping and isinstance(record.get("categories"), str):
            record["categories"] = _without_root(record["categories"])
        if "in_stock" not in mapping and "in_stock" not in record:
            record |= _stock_in(self._get(row, "extension attributes"))
        for name, value in (more | self._options.get(text_cell(record.get("id")), {})).items():
            if column_key(name) not in self.ignored and name not in _UNSEEN:
                record.setdefault(name, value)
        return record

    def _has_pictures(self, row: Record) -> bool:
        return not all(is_blank(self._get(row, name)) for name in _IMAGES)

    def _price_of(self, row: Record, more: Record) -> Any:
        """Return the price of today; of a bundle, a set or a product with variants the lowest."""
        special, start, end = (
            self._get(row, f"special {name}") or more.get(f"special_{name}".replace(" ", "_"))
            for name in ("price", "price from date", "price to date")
        )
        price = price_now(self._get(row, "price"), special, start, end, self._today)
        sku = text_cell(self._get(row, "sku"))
        if amount_of(price):
            return price
        kind = text_cell(self._get(row, "product type") or self._get(row, "type id"))
        return self._lowest.get(sku, "" if kind in _COMPOSED else price)

    def _find_prices(self, read: ReadRows) -> None:
        """Find the lowest price of the children of each configurable."""
        self._lowest = {}
        for _, row in read():
            sku = "" if isinstance(row, BrokenRow) else text_cell(self._get(row, "sku"))
            parent = self._parents.get(sku)
            if isinstance(row, BrokenRow) or parent is None:
                continue
            price = self._price_of(row, {})
            own = text_cell(self._get(parent, "sku"))
            least = amount_of(self._lowest.get(own))
            amount = amount_of(price)
            if amount and (least is None or amount < least):
                self._lowest[own] = price

    def _remembering(self, read: ReadRows) -> ReadRows:
        """Return ``read``, so that a row without SKU continues the row before it."""

        def rows() -> Iterator[NumberedRow]:
            self._last_sku = ""
            return read()

        return rows

    def _sku_of(self, row: Record) -> str | None:
        sku = text_cell(self._get(row, "sku"))
        self._last_sku = sku or self._last_sku
        return self._last_sku or None

    def _find_parents(self, read: ReadRows) -> None:
        self._parents, self._options = {}, {}
        first: Record = {}  # the first row of a SKU; those after it continue it
        for _, row in read():
            if isinstance(row, BrokenRow):
                continue
            if is_blank(self._get(row, "sku")):
                self._add_categories(first, row)
            else:
                first = dict(row)
            if child := text_cell(self._get(row, "super products sku")):  # of Magento 1
                self._parents[child] = first
            for variation in text_cell(self._get(row, "configurable variations")).split("|"):
                pairs = (pair.partition("=") for pair in _PAIR.split(variation))
                options = {name.strip(): value.strip() for name, _, value in pairs}
                if sku := options.pop("sku", ""):
                    self._parents[sku] = row
                    self._options[sku] = options

    def _add_categories(self, row: Record, more: Record) -> None:
        """Add the categories of a row that continues ``row``."""
        index = self._index(more)
        for name in (index[key] for key in self.columns["categories"] if key in index):
            cells = [row.get(name), more[name]]
            if not is_blank(more[name]):
                flat = (cell if isinstance(cell, Cells) else [cell] for cell in cells)
                row[name] = Cells(part for parts in flat for part in parts if not is_blank(part))

    def _merged(self, rows: list[Record]) -> Record:
        """Return the rows of one SKU as one: the first, with the pictures of all.

        Of the store views, that of the language comes first, then the default one.
        """
        views = [
            text_cell(self._get(row, "store view code") or self._get(row, "store")).casefold()
            for row in rows
        ]
        plain = [row for row, view in zip(rows, views, strict=True) if not view] or rows[:1]
        merged = dict(plain[0])
        for row in plain[1:]:
            merged = inherited(merged, row)
        index = self._index(merged)
        for field in LIST_FIELDS:
            for name in (index[key] for key in self.columns[field] if key in index):
                cells = [row[name] for row in plain if name in row and not is_blank(row[name])]
                cells = list(dict.fromkeys(map(_hashable, cells)))
                if len(cells) > 1:
                    merged[name] = Cells(cells)
        for row, view in zip(rows, views, strict=True):
            if self._language and re.split(r"[_-]", view)[0] == self._language[:2]:
                merged = inherited(row, merged)
        return merged

    def _more_attributes(self, row: Record) -> dict[str, Any]:
        """Return ``additional_attributes`` (``color=Blue,size=M``) by name."""
        found: dict[str, Any] = {}
        listed = self._get(row, "custom attributes")
        if isinstance(listed, list):
            for part in listed:
                if isinstance(part, dict) and "attribute_code" in part:
                    found[str(part["attribute_code"])] = part.get("value")
        for pair in _PAIR.split(text_cell(self._get(row, "additional attributes"))):
            name, equals, value = pair.partition("=")
            if equals and name.strip() and value.strip():
                values = [part.strip().strip('"') for part in value.split("|")]
                found[name.strip()] = values[0] if len(values) == 1 else values
        return found


def _stock_in(more: Any) -> Record:
    """Return the stock that the interface states in the extension attributes of a product."""
    stock = more.get("stock_item") if isinstance(more, dict) else None
    found = stock_in(stock) if isinstance(stock, dict) else None
    return {} if found is None else {"in_stock": found}


def _without_root(text: str) -> str:
    """Return a list of category paths without the root of the store, which every path has."""
    paths = [part.strip() for part in re.split(r"(?<!\\)[,|;]", text)]
    return "|".join(path for part in paths if (path := _ROOT.sub("", part)))


def _hashable(value: Any) -> Any:
    return value if isinstance(value, str | int | float) else str(value)


def _is_shown(image: Any) -> bool:
    """Return False for a video, and for a picture that is switched off."""
    if not isinstance(image, dict):
        return True
    return not image.get("disabled") and image.get("media_type", "image") == "image"
