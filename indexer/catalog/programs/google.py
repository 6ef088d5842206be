"""The product feed of Google Merchant Center, as a table or as XML; also that of Meta."""

from __future__ import annotations

import datetime
import html
import re
from collections.abc import Collection, Mapping
from typing import Any, ClassVar, Final

from indexer.catalog.categories import split_at_commas
from indexer.catalog.item_parser import Record
from indexer.catalog.saleprice import price_now
from indexer.catalog.shopformat import ColumnMapping, ShopFormat, column_key, text_cell

_MARKS: Final = frozenset(
    {
        *("availability", "item group id", "google product category", "product type", "gtin"),
        *("additional image link", "condition", "sale price", "mpn", "link", "price"),
    }
)
_IDS: Final = frozenset({"id", "sku id"})  # the second one is TikTok's
_PICTURES: Final = frozenset({"image link", "image.url"})
_ENDS_LIST: Final = re.compile(r"\s(?:&|and|und|et|y|e|en)\s", re.IGNORECASE)  # "Tees & Shirts"
_INDEX: Final = re.compile(r"\[\d+\]")
# product_tags[0], image[0].tag[0]
_NUMBERED: Final = re.compile(r"\w+\[\d+\](?:\.\w+(?:\[\d+\])?)?")
_PICTURE: Final = re.compile(r"image\[(\d+)\]\.url")


class GoogleFeed(ShopFormat):
    """Items are the products of a feed; ``item_group_id`` puts variants together."""

    name = "google"
    columns: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "id": ("id", "sku id"),
        "product_id": ("item group id",),
        "title": ("title",),
        "description": ("description", "summary", "content"),
        "categories": ("product type",),
        "price": ("price", "sale price", "price pc"),  # the last one is Naver's
        "in_stock": ("availability",),
        "url": ("link", "canonical link"),
        "images": ("image link", "additional image link", "add image link"),
    }
    ignored = frozenset(
        {
            *("shipping", "tax", "sale price effective date", "mobile link", "ads redirect"),
            *("shipping weight", "shipping length", "shipping width", "shipping height"),
            *("shipping label", "identifier exists", "google product category", "is bundle"),
            *("multipack", "adult", "min handling time", "max handling time", "tax category"),
            *("unit pricing measure", "unit pricing base measure", "excluded destination"),
            *("included destination", "lifestyle image link", "updated", "pubdate", "guid"),
            *("structured title", "structured description"),
        }
    )

    def __init__(self, today: datetime.date | None = None) -> None:
        """``today`` decides which sales are on; None is the present day."""
        super().__init__()
        self._today = today or datetime.datetime.now(tz=datetime.UTC).date()

    def recognizes(self, columns: Collection[str]) -> bool:
        """Return True if a file has ids, image links, and another column of a feed."""
        has = {_INDEX.sub("", column) for column in columns}
        return bool(has & _IDS) and bool(has & _PICTURES) and bool(has & _MARKS)

    def _columns_of(
        self, field: str, found: Mapping[str, str], mapping: ColumnMapping
    ) -> list[str]:
        """Return the columns of a field; of pictures also ``image[0].url``, as Meta writes it."""
        columns = super()._columns_of(field, found, mapping)
        if field != "images" or "images" in mapping:
            return columns
        numbered = {int(match[1]): key for key in found if (match := _PICTURE.fullmatch(key))}
        return [*columns, *(found[numbered[number]] for number in sorted(numbered))]

    def record(self, row: Record, mapping: ColumnMapping) -> Record:
        """Return the record of a product, with its price of today and one taxonomy."""
        record = super().record(row, mapping)
        for field in ("title", "description"):
            if field not in mapping and not record.get(field):
                record[field] = _structured(self._get(row, f"structured {field}"))
        for name, value in _details(record).items():
            record.setdefault(name, value)
        if "price" not in mapping and "price" in record:
            start, _, end = text_cell(self._get(row, "sale price effective date")).partition("/")
            sale = self._get(row, "sale price")
            price = self._get(row, "price") or record["price"]
            record["price"] = price_now(price, sale, start, end, self._today)
        if "categories" not in mapping and isinstance(record.get("categories"), str):
            record["categories"] = _paths_in(record["categories"])
        levels = (text_cell(self._get(row, f"category name{level}")) for level in range(1, 5))
        if "categories" not in mapping and not record.get("categories"):
            record["categories"] = " > ".join(filter(None, levels))  # of Naver
        taxonomy = self._get(row, "google product category")
        if "categories" not in mapping and not record.get("categories") and _is_named(taxonomy):
            record["categories"] = [text_cell(taxonomy)]
        return record


def _structured(value: Any) -> str:
    """Return the text of ``structured_title``, beside which Google wants to know who wrote it."""
    if isinstance(value, Mapping):
        return text_cell(value.get("content"))
    return text_cell(value).partition(":")[2].strip(' "')


def _details(record: Record) -> Record:
    """Take out what a record has as ``product_detail``, and columns such as ``product_tags[0]``.

    Returns them as attributes: the details by their names, the numbered columns as lists.
    """
    found: Record = {}
    for column in [name for name in record if column_key(name) == "product detail"]:
        listed = record.pop(column)
        for part in listed if isinstance(listed, list) else [listed]:
            if isinstance(part, dict) and part.get("attribute_name"):
                found[str(part["attribute_name"])] = part.get("attribute_value")
            elif isinstance(part, str):  # section:name:value, separated by commas
                for detail in part.split(","):
                    name, mark, value = detail.rpartition(":")
                    if mark and value.strip():
                        found[name.rpartition(":")[2].strip()] = value.strip()
    lists: dict[str, list[Any]] = {}
    for column in [name for name in record if _NUMBERED.fullmatch(str(name))]:
        name = _INDEX.sub("", column)
        value = record.pop(column)
        if value not in (None, "") and not name.startswith(("image", "video")):
            lists.setdefault(name, []).append(value)
    for name, values in lists.items():
        found.setdefault(name, values[0] if len(values) == 1 else values)
    return found


def _paths_in(text: str) -> list[str]:
    """Return the paths in a list by commas; a part without levels belongs to the next path.

    Google's names have commas, also ``Toys, Games & Hobbies``, which is no list.
    """
    paths: list[str] = []
    waiting: list[str] = []
    for part in split_at_commas(html.unescape(text)):
        waiting.append(part)
        if ">" in part:
            paths.append(", ".join(waiting))
            waiting = []
    if waiting and not paths and _ENDS_LIST.search(waiting[-1]):
        return [", ".join(waiting)]
    return [path for path in (*paths, *waiting) if path.strip()]


def _is_named(taxonomy: Any) -> bool:
    """Return True if a category of Google is a path; many feeds give its number."""
    return isinstance(taxonomy, str) and not taxonomy.strip().isdigit() and bool(taxonomy.strip())
