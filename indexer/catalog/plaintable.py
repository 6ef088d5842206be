"""The format of a table whose columns have our own names, or common ones."""

from __future__ import annotations

import datetime
import re
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Final

from indexer.catalog.columnnames import known_key
from indexer.catalog.idcolumn import choose_id_column, short_text, without_technical_names
from indexer.catalog.item_parser import BrokenRow, Record
from indexer.catalog.optioncolumns import options_of, paired_cells
from indexer.catalog.saleprice import discounted, is_on, price_now
from indexer.catalog.shopformat import (
    COMMON,
    ColumnMapping,
    ReadRows,
    ShopFormat,
    is_blank,
)
from indexer.catalog.stock import parse_stock
from indexer.catalog.tablecolumns import LISTED, TableColumns, currency_in
from indexer.catalog.variantgroups import NO_PRODUCT, SharedColumns, filled_rows, merged_rows

if TYPE_CHECKING:
    from indexer.catalog.item_parser import NumberedRow

_NO: Final = frozenset({"0", "false", "no", "n", "nein", "non", "off", "-1"})
_YES: Final = frozenset({"1", "true", "yes", "y", "ja", "oui"})
_HIDDEN: Final = frozenset(
    {
        *("draft", "archived", "inactive", "disabled", "hidden", "unlisted", "offline", "trash"),
        *("entwurf", "inaktiv", "brouillon", "borrador", "pausada", "inactiva", "inactivo"),
        *("0", "false"),
    }
)
_SHARED: Final = ("title", "description", "categories", "url")
_TRANSLATED: Final = frozenset({"title", "description", "categories", "url"})
_SITE: Final = re.compile(r"\bCurrency=([A-Z]{3})\b")  # in the header of a listing file of eBay
_DATES: Final = ("from", "to")  # of PrestaShop's discount
_OF_A_PLACE: Final = ("Current Quantity ", "inventory_")  # counts of Square and Vend
_SHORT: Final = 120  # letters of a description that may be a title
_MOST_TABLES: Final = 64  # sets of columns that are kept: objects of JSON may differ


class PlainTable(ShopFormat):
    """A table of any origin; columns that are not fields are attributes."""

    name = "csv"
    lists = frozenset({"tags"})
    ignored = frozenset({"embeddings"})  # of an export

    def __init__(self, language: str | None = None) -> None:
        """``language`` chooses among columns such as ``name-en_US`` and ``name-de_DE``."""
        super().__init__()
        self._language = (language or "en")[:2].casefold()
        self._today = datetime.datetime.now(tz=datetime.UTC).date()
        self._tables: dict[tuple[str, ...], TableColumns] = {}
        self._latest = TableColumns(())
        self._id_column = ""
        self._ignored_parent = ""

    def recognizes(self, columns: Collection[str]) -> bool:  # noqa: ARG002
        """Return True: every table is one."""
        return True

    def rows(self, read: ReadRows) -> Iterator[NumberedRow]:
        """Yield the rows. In a table without a column ``id``, another is chosen for it.

        Rows of one product take empty texts and pictures from the row of the product, or from the
        first of them. If the table has a column ``id``, these are the rows that name a parent. If
        every column of ids has repeated cells, rows that differ in their pictures alone are one.
        """
        read = without_technical_names(read)
        chosen = choose_id_column(read, self._columns)
        self._id_column = chosen.name
        if chosen.is_repeated:
            return merged_rows(read, chosen.name, self._images_in)
        first = next(_records(read), {})
        self._ignored_parent = self._unrelated_parent(read, first)
        if self._product_column(first) is None:
            return read()
        return filled_rows(read, self._product_of, self._ids_of, self._shared)

    def not_for_sale(self, row: Record) -> str:
        """Return a reason for a row that a flag of its own hides, such as ``Active: 0``."""
        columns = self._columns(row)
        for role, hiding in (("active", _NO), ("archived", _YES), ("status", _HIDDEN)):
            column = columns.first(role)
            text = short_text(row[column]) if column is not None else ""
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
            texts = (short_text(named[key]) for key in columns.ids())
            record["id"] = next(filter(None, texts), "")
        if "price" not in mapping and "price" in record:
            self._set_price(record, named, columns)
        if "in_stock" not in mapping and "in_stock" not in record:
            _set_stock(record, named, columns)
        if "categories" not in mapping and isinstance(record.get("categories"), str):
            record["categories"] = _with_subcategory(record["categories"], named, columns)
        if columns.levels and "categories" not in record:
            texts = (short_text(named[name]) for name in columns.levels)
            record["categories"] = [" > ".join(filter(None, texts))]
        is_named = "product_id" in mapping or "product id" in columns.by_key
        if not is_named and short_text(record.get("product_id")).casefold() in NO_PRODUCT:
            record.pop("product_id", None)
        self._add_options(record, named, columns)
        described = record.get("description")
        if "title" not in record and isinstance(described, str) and len(described) < _SHORT:
            record["title"] = described  # the only text of an inventory
        if not columns.is_listing:
            return record
        return {LISTED.sub("", name, count=1): value for name, value in record.items()}

    @staticmethod
    def _add_options(record: Record, row: Record, columns: TableColumns) -> None:
        """Replace the columns of options, and cells of pairs, by the attributes that they give."""
        pairs = paired_cells(row, columns.paired)
        for name in (*pairs, *(name for option in columns.options for name in option)):
            record.pop(name, None)
        for name, value in options_of(row, columns.options).items():
            record.setdefault(name, value)
        for cells in pairs.values():
            for name, value in cells.items():
                record.setdefault(name, value)

    def _is_list(self, name: str) -> bool:
        return known_key(name) in self.lists

    def _product_column(self, row: Record) -> str | None:
        """Return the column in which a row names its product, or None."""
        if not self._id_column:
            return self._columns(row).first("parent", (self._ignored_parent,))
        return next(iter(self._columns_of("product_id", self._index(row), {})), None)

    def _unrelated_parent(self, read: ReadRows, first: Record) -> str:
        """Return a column ``parent`` that names no row, or "": it may hold anything.

        In a table with families, as Akeneo's, it names models, which have a table of their own.
        """
        by_key = self._columns(first).by_key
        column = by_key.get("parent")
        if column is None or "family" in by_key:
            return ""
        named = {short_text(row.get(column)) for row in _records(read)} - NO_PRODUCT
        is_row = any(
            short_text(row.get(name)) in named
            for row in _records(read)
            for name in self._columns(row).ids()
            if name != column
        )
        return "" if is_row else column

    def _product_of(self, row: Record) -> str:
        column = self._product_column(row)
        text = "" if column is None else short_text(row.get(column)).strip()
        return "" if text.casefold() in NO_PRODUCT else text

    def _ids_of(self, row: Record) -> list[str]:
        columns = self._columns(row)
        without = self._product_column(row)
        return [
            text for name in columns.ids() if name != without and (text := short_text(row[name]))
        ]

    def _images_in(self, row: Record) -> list[str]:
        return self._columns_of("images", self._index(row), {})

    def _shared(self, row: Record) -> SharedColumns:
        columns, index = self._columns(row), self._index(row)
        texts = [name for field in _SHARED for name in self._columns_of(field, index, {})]
        texts += columns.levels
        prices = self._columns_of("price", index, {})
        if sale := columns.first("sale price"):
            prices = [*prices, sale]
        images = self._columns_of("images", index, {})
        own = self._columns_of("id", index, {})
        return SharedColumns(
            texts,
            images,
            prices,
            columns.first("currency") or "",
            self._product_column(row) or "",
            own[0] if own else "",
        )

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
        if field == "id" and self._id_column:
            return [self._id_column]
        for key in (field.replace("_", " "), *COMMON.get(field, ())):
            if key in found and not (field == "product_id" and found[key] == self._id_column):
                return [found[key]]
        if field == "id":
            return []
        if field == "product_id" and self._id_column and "id" in columns.by_key:
            return [columns.by_key["id"]]
        without = (self._id_column, self._ignored_parent) if field == "product_id" else ()
        name = columns.first(field, without)
        if name is None and field in _TRANSLATED:
            name = columns.translated(field, self._language)
        if name is None and field == "price":
            name = columns.priced()
        if name is not None and field == "categories":
            return columns.numbered(name)
        return [] if name is None else [name]

    def _set_price(self, record: Record, row: Record, columns: TableColumns) -> None:
        """Set the price of today, and the currency that the name of a column states."""
        sale = columns.first("sale price")
        flag = columns.by_key.get("on sale")
        if sale is not None and (flag is None or short_text(row[flag]).casefold() not in _NO):
            record["price"] = price_now(record["price"], row[sale], "", "", self._today)
        for key, is_share in (("discount amount", False), ("discount percent", True)):
            start, end = (row.get(columns.by_key.get(f"discount {name}", "")) for name in _DATES)
            if key in columns.by_key and is_on(start, end, self._today):
                less = row[columns.by_key[key]]
                record["price"] = discounted(record["price"], less, is_share=is_share)
        price = record["price"]
        if "currency" in record or (
            isinstance(price, str) and re.search(r"[^\W\d_]|[€£$¥₹₽]", price)
        ):
            return
        names = columns.fields.get("price", [])
        sites = (found[1] for name in row if (found := _SITE.search(name)))
        if currency := (currency_in(names[0]) if names else "") or next(sites, ""):
            record["currency"] = currency


def _records(read: ReadRows) -> Iterator[Record]:
    return (row for _, row in read() if not isinstance(row, BrokenRow))


def _set_stock(record: Record, row: Record, columns: TableColumns) -> None:
    """Set whether an item is in stock from a count, which stays an attribute."""
    of_place = (name for name in columns.names if name.startswith(_OF_A_PLACE))
    column = columns.first("count") or next(of_place, None)
    counted = columns.first("counted")
    if column is None or is_blank(row[column]):
        return
    if counted is not None and short_text(row[counted]).casefold() in {*_NO, "none"}:
        return  # the shop sells it without counting
    try:
        record["in_stock"] = parse_stock(row[column])
    except ValueError:
        return  # a quantity such as "500 g" is no stock


def _with_subcategory(text: str, row: Record, columns: TableColumns) -> str:
    """Return a category with its subcategory, which has a column of its own."""
    if "CATEGORYTEXT" in columns.names:
        text = text.replace("|", ">")  # as price comparisons write levels
    texts = (short_text(row[column]) for column in columns.subcategories())
    return " > ".join(part for part in (text, *texts) if part.strip())
