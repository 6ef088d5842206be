"""The format of a table whose columns have our own names, or common ones."""

from __future__ import annotations

import datetime
import re
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from indexer.catalog.columnnames import NAMES, known_key
from indexer.catalog.item_parser import BrokenRow, Record
from indexer.catalog.saleprice import price_now
from indexer.catalog.shopformat import (
    COMMON,
    ColumnMapping,
    ReadRows,
    ShopFormat,
    grouped,
    inherited,
    is_blank,
    text_cell,
)
from indexer.catalog.stock import parse_stock
from indexer.catalog.tablecolumns import LISTED, TableColumns, currency_in

if TYPE_CHECKING:
    from indexer.catalog.item_parser import NumberedRow

_NO: Final = frozenset({"0", "false", "no", "n", "nein", "non", "off", "-1"})
_YES: Final = frozenset({"1", "true", "yes", "y", "ja", "oui"})
_HIDDEN: Final = frozenset(
    {"draft", "archived", "inactive", "disabled", "entwurf", "inaktiv", "brouillon", "borrador"}
)
_SHARED: Final = ("title", "description", "categories", "images", "url")
_TRANSLATED: Final = frozenset({"title", "description", "categories", "url"})
_SITE: Final = re.compile(r"\bCurrency=([A-Z]{3})\b")  # in the header of a listing file of eBay
_OF_A_PLACE: Final = ("Current Quantity ", "inventory_")  # counts of Square and Vend
_SHORT: Final = 120  # letters of a description that may be a title
_MOST_TABLES: Final = 64  # sets of columns that are kept: objects of JSON may differ


class PlainTable(ShopFormat):
    """A table of any origin; columns that are not fields are attributes."""

    name = "csv"
    lists = frozenset()
    ignored = frozenset({"embeddings"})  # of an export

    def __init__(self, language: str | None = None) -> None:
        """``language`` chooses among columns such as ``name-en_US`` and ``name-de_DE``."""
        super().__init__()
        self._language = (language or "en")[:2].casefold()
        self._today = datetime.datetime.now(tz=datetime.UTC).date()
        self._tables: dict[tuple[str, ...], TableColumns] = {}
        self._latest = TableColumns(())
        self._id_column = ""

    def recognizes(self, columns: Collection[str]) -> bool:  # noqa: ARG002
        """Return True: every table is one."""
        return True

    def rows(self, read: ReadRows) -> Iterator[NumberedRow]:
        """Yield the rows. In a table without a column ``id``, another is chosen for it.

        There, rows of one product take empty texts and pictures from the first of them.
        """
        self._id_column = self._chosen_id(read)
        return self._inheriting(read) if self._id_column else read()

    def not_for_sale(self, row: Record) -> str:
        """Return a reason for a row that a flag of its own hides, such as ``Active: 0``."""
        columns = self._columns(row)
        for role, hiding in (("active", _NO), ("archived", _YES), ("status", _HIDDEN)):
            column = columns.first(role)
            text = _short_text(row[column]) if column is not None else ""
            if text.casefold() in hiding:
                return f"its {column} is {text!r}"
        return ""

    def record(self, row: Record, mapping: ColumnMapping) -> Record:
        """Return the record of a row; a sale price that is valid today is its price."""
        named = row
        if not all(type(name) is str for name in row):
            named = {str(name): value for name, value in row.items()}
        record = super().record(named, mapping)
        columns = self._columns(named)
        if self._id_column and "id" not in mapping and is_blank(record.get("id")):
            texts = (_short_text(named[key]) for key in self._ids(columns))
            record["id"] = next(filter(None, texts), "")
        if "price" not in mapping and "price" in record:
            self._set_price(record, named, columns)
        if "in_stock" not in mapping and "in_stock" not in record:
            _set_stock(record, named, columns)
        if "categories" not in mapping and isinstance(record.get("categories"), str):
            record["categories"] = _with_subcategory(record["categories"], named, columns)
        if columns.levels and "categories" not in record:
            texts = (_short_text(named[name]) for name in columns.levels)
            record["categories"] = [" > ".join(filter(None, texts))]
        described = record.get("description")
        if "title" not in record and isinstance(described, str) and len(described) < _SHORT:
            record["title"] = described  # the only text of an inventory
        if not columns.is_listing:
            return record
        return {LISTED.sub("", name, count=1): value for name, value in record.items()}

    def _chosen_id(self, read: ReadRows) -> str:
        """Return the column of ids: of those that may be it, the first without repeated cells.

        Return "" for a table with a column ``id``, of which only one row is read.
        """
        seen: dict[str, set[int]] = {}
        repeated: set[str] = set()
        rows = 0
        for _, row in read():
            if isinstance(row, BrokenRow):
                continue
            columns = self._columns(row)
            if "id" in columns.by_key:
                return ""
            rows += 1
            for column in self._ids(columns):
                if column in repeated or not (text := _short_text(row[column])):
                    continue
                before = seen.setdefault(column, set())
                if (number := hash(text)) in before:
                    repeated.add(column)
                before.add(number)
        likely = [name for key in NAMES["id"] for name in seen if known_key(name) == key]
        unique = [name for name in likely if name not in repeated]
        common = [name for name in unique if len(seen[name]) * 2 >= rows]
        return next(iter([*common, *unique, *likely]), "")

    def _inheriting(self, read: ReadRows) -> Iterator[NumberedRow]:
        """Yield the rows; one takes empty texts and pictures from the first row of its product."""
        for group in grouped(read, self._product_of):
            if isinstance(group, tuple):
                yield group
                continue
            first = group[0][1]
            index = self._index(first)
            shared = [name for field in _SHARED for name in self._columns_of(field, index, {})]
            for where, row in group:
                yield where, inherited(row, first, shared)

    def _product_of(self, row: Record) -> str | None:
        names = self._columns_of("product_id", self._index(row), {})
        return (_short_text(row.get(names[0])) or None) if names else None

    def _columns(self, row: Record) -> TableColumns:
        names = tuple(row)
        if names == self._latest.names:  # the rows of a table have the same columns
            return self._latest
        found = self._tables.get(names)
        if found is None:
            if len(self._tables) >= _MOST_TABLES:
                self._tables.pop(next(iter(self._tables)))
            found = self._tables[names] = TableColumns(names)
        self._latest = found
        return found

    @staticmethod
    def _ids(columns: TableColumns) -> list[str]:
        return [columns.by_key[key] for key in NAMES["id"] if key in columns.by_key]

    def _columns_of(
        self, field: str, found: Mapping[str, str], mapping: ColumnMapping
    ) -> list[str]:
        if field in mapping:
            return list(mapping[field])
        columns = self._columns(dict.fromkeys(found.values()))
        if field not in columns.fields:
            columns.fields[field] = self._find(field, found, columns)
        return columns.fields[field]

    def _find(self, field: str, found: Mapping[str, str], columns: TableColumns) -> list[str]:
        if field == "images":
            return columns.images()
        for key in (field.replace("_", " "), *COMMON.get(field, ())):
            if key in found and not (field == "product_id" and found[key] == self._id_column):
                return [found[key]]
        if field == "id":
            return [self._id_column] if self._id_column else []
        name = columns.first(field, (self._id_column,) if field == "product_id" else ())
        if name is None and field in _TRANSLATED:
            name = columns.translated(field, self._language)
        if name is None and field == "price":
            name = columns.priced()
        return [] if name is None else [name]

    def _set_price(self, record: Record, row: Record, columns: TableColumns) -> None:
        """Set the price of today, and the currency that the name of a column states."""
        sale = columns.first("sale price")
        flag = columns.by_key.get("on sale")
        if sale is not None and (flag is None or _short_text(row[flag]).casefold() not in _NO):
            record["price"] = price_now(record["price"], row[sale], "", "", self._today)
        price = record["price"]
        if "currency" in record or (
            isinstance(price, str) and re.search(r"[^\W\d_]|[€£$¥₹₽]", price)
        ):
            return
        names = columns.fields.get("price", [])
        sites = (found[1] for name in row if (found := _SITE.search(name)))
        if currency := (currency_in(names[0]) if names else "") or next(sites, ""):
            record["currency"] = currency


def _set_stock(record: Record, row: Record, columns: TableColumns) -> None:
    """Set whether an item is in stock from a count, which stays an attribute."""
    of_place = (name for name in columns.names if name.startswith(_OF_A_PLACE))
    column = columns.first("count") or next(of_place, None)
    if column is None or is_blank(row[column]):
        return
    try:
        record["in_stock"] = parse_stock(row[column])
    except ValueError:
        return  # a quantity such as "500 g" is no stock


def _with_subcategory(text: str, row: Record, columns: TableColumns) -> str:
    """Return a category with its subcategory, which has a column of its own."""
    if "CATEGORYTEXT" in columns.names:
        text = text.replace("|", ">")  # as price comparisons write levels
    column = columns.subcategory
    lower = _short_text(row[column]) if column is not None else ""
    return f"{text} > {lower}" if lower and text.strip() else text or lower


def _short_text(value: Any) -> str:
    """Return a cell that is a text or a number as text, or ""."""
    return text_cell(value) if isinstance(value, str | int | float) else ""
