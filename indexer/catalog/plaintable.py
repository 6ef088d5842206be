"""The format of a table whose columns have our own names, or common ones."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeAlias

from indexer.catalog.columnguesses import (
    LOOKED_AT,
    SHORT,
    guess_columns,
    is_explained,
    may_be_id_name,
    shared_column,
)
from indexer.catalog.columnnames import KNOWN, known_key
from indexer.catalog.idcolumn import IdColumn, choose_id_column, short_text, without_technical_names
from indexer.catalog.item_parser import FIELDS, BrokenRow, Record
from indexer.catalog.languagerows import in_one_language
from indexer.catalog.leaves import has_nested, hoisted, hoisted_rows
from indexer.catalog.optioncolumns import option_name, options_of
from indexer.catalog.optionrows import OptionRows, is_option
from indexer.catalog.shopformat import (
    COMMON,
    ColumnMapping,
    ReadRows,
    ShopFormat,
    is_blank,
    text_cell,
)
from indexer.catalog.tablecolumns import LISTED, TableColumns
from indexer.catalog.tablevalues import (
    add_options,
    join_folder,
    join_levels,
    reason_to_hide,
    set_price,
    set_stock,
)
from indexer.catalog.variantgroups import (
    NO_PRODUCT,
    SharedColumns,
    continued_rows,
    filled_rows,
    is_continued,
    merged_rows,
)

if TYPE_CHECKING:
    from indexer.catalog.item_parser import NumberedRow

_SHARED: Final = ("title", "description", "categories", "url")
_TRANSLATED: Final = frozenset({"title", "description", "categories", "url"})
_MOST_CELLS: Final = 200_000  # that are looked at: a table may have 16,384 columns
_FEWEST_TEXTS: Final = 2  # columns of texts that variants leave empty
_MOST_TABLES: Final = 64  # sets of columns that are kept: objects of JSON may differ


_Columns: TypeAlias = dict[str, list[str]]  # by field or role


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
        self._forget()

    def _forget(self) -> None:
        """Forget what a pass over the rows has found, because each pass finds it anew."""
        self._tables: dict[tuple[str, ...], TableColumns] = {}
        self._latest = TableColumns(())
        self._guesses: dict[str, list[str]] = {}
        self._has_ids = False  # columns of ids with known names
        self._slugs: set[str] = set()  # columns named as links, which hold none
        self._id_column = ""
        self._ignored_parent = ""
        self._is_apart = False  # rows are told apart by their options
        self._plan = None  # of the base class

    def recognizes(self, columns: Collection[str]) -> bool:  # noqa: ARG002
        """Return True: every table is one."""
        return True

    def rows(self, read: ReadRows) -> Iterator[NumberedRow]:
        """Yield the rows. In a table without a column ``id``, another is chosen for it.

        Rows of one product take empty texts and pictures from the row of the product, or from the
        first of them. If the table has a column ``id``, these are the rows that name a parent. If
        every column of ids has repeated cells, rows that differ in their pictures alone are one.
        """
        self._forget()
        read = self._readable(without_technical_names(read))
        read = in_one_language(read, self._columns, self._language)
        chosen = choose_id_column(read, self._columns)
        if apart := self._told_apart(read, chosen):
            read, chosen = apart.read, IdColumn("", product=apart.product)
            self._is_apart = True
        self._id_column = chosen.name
        if chosen.product and (self._is_apart or not self._guesses.get("product_id")):
            self._guesses["product_id"] = [chosen.product]
            self._tables.clear()
            self._latest = TableColumns(())
        if chosen.is_repeated:
            return merged_rows(read, chosen.name, self._images_in)
        first = next(_records(read), {})
        self._ignored_parent = self._unrelated_parent(read, first)
        if self._product_column(first) is None:
            return read()
        return filled_rows(read, self._product_of, self._ids_of, self._shared)

    def _told_apart(self, read: ReadRows, chosen: IdColumn) -> OptionRows | None:
        """Return the rows with ids of products and options, if no column has ids for certain."""
        first = next(_records(read), {})
        is_sure = "id" in self._columns(first).by_key or may_be_id_name(chosen.name)
        if is_sure and not chosen.is_repeated:
            return None
        title = next(iter(self._columns_of("title", self._index(first), {})), None)
        return OptionRows.find(read, chosen.name if chosen.is_repeated else "", title)

    def _readable(self, read: ReadRows) -> ReadRows:
        """Return the rows, those of nested records as columns if they name no item otherwise.

        Guesses the columns of fields whose names are not known.
        """
        first = list(islice(_records(read), LOOKED_AT))
        first = first[: max(2, _MOST_CELLS // max(1, len(first[0])))] if first else first
        if is_explained(first):
            read, first = partial(_without_first, read), first[1:]
        known, guesses = self._surveyed(first)
        listed = [name for name in guesses.get("images", ()) if _has_objects(first, name)]
        is_pictured = known["images"] or listed  # hoisted, a list would be its last object
        is_whole = known["id"] and is_pictured and (known["title"] or guesses.get("title"))
        if not is_whole and any(map(has_nested, first)):
            flat = [hoisted(row, self._language) for row in first]
            inner, inner_guesses = self._surveyed(flat)
            if _count(inner, inner_guesses) > _count(known, guesses):
                first, known, guesses = flat, inner, inner_guesses
                read = partial(hoisted_rows, read, language=self._language)
        if not (known["id"] or guesses.get("id")) and (
            title := _unique_title(first, known, guesses)
        ):
            guesses["id"] = [title]
        self._has_ids = bool(known["id"])
        self._guesses = guesses
        if not known["product_id"] and not (first and "product_id" in first[0]):
            read = self._grouped(read, first, known)
        self._tables.clear()
        self._latest = TableColumns(())
        return read

    def _surveyed(self, rows: Sequence[Record]) -> tuple[_Columns, _Columns]:
        """Return the columns by field and role that names give, and those that are guessed."""
        known = self._known(rows)
        names = dict.fromkeys(name for row in rows for name in row)
        columns = self._columns(names)
        options = {name for pair in columns.options for name in pair}
        taken = {name for name in names if known_key(name) in KNOWN}
        taken.update(options, columns.paired, columns.levels, *known.values())
        return known, guess_columns(rows, known, taken)

    def _grouped(
        self, read: ReadRows, first: Sequence[Record], known: Mapping[str, Sequence[str]]
    ) -> ReadRows:
        """Find how variants are put together in a table without a known column that says it.

        They name their product in a column, or stand below its row and lack its texts.
        """
        found = {
            field: [*known[field], *self._guesses.get(field, ())] for field in (*_SHARED, "id")
        }
        without = {name for listed in (*known.values(), *self._guesses.values()) for name in listed}
        sizes = {name for row in first[:1] for name in row if is_option(name)}
        if shared := shared_column(first, found["title"], without | sizes):
            self._guesses["product_id"] = [shared]
            return read
        texts = [name for field in _SHARED for name in found[field]]
        bare = [row for row in first if is_continued(row, texts, found["id"])]
        fewest = 1 if sizes else _FEWEST_TEXTS  # sizes below each other, as of merged cells
        if len(texts) < fewest or not bare or first[0] in bare:
            return read
        self._guesses["product_id"] = []
        return partial(continued_rows, read, texts, found["id"], "product_id")

    def _known(self, rows: Sequence[Record]) -> _Columns:
        """Return the columns by field and role that rows name and fill."""
        names = [name for row in rows for name, cell in row.items() if not is_blank(cell)]
        row = dict.fromkeys(names)
        columns, index = TableColumns(tuple(row)), self._index(row)
        found = {field: self._find(field, index, columns) for field in FIELDS}
        for role in ("sale price", "count", "active"):
            found[role] = [name] if (name := columns.first(role)) else []
        found["id"] = found["id"] or columns.ids()
        links = found["url"]
        if not any(_is_link(row.get(name)) for row in rows for name in links):
            self._slugs.update(links)
            found["url"] = []
        return found

    def guesses(self) -> Mapping[str, Sequence[str]]:
        """Return the columns by field that were read because of their cells."""
        return {
            field: names
            for field, names in self._guesses.items()
            if field in FIELDS and not (field == "id" and self._has_ids)
        }

    def not_for_sale(self, row: Record) -> str:
        """Return a reason for a row that a flag of its own hides, such as ``Active: 0``."""
        return reason_to_hide(row, self._columns(row))

    def record(self, row: Record, mapping: ColumnMapping) -> Record:
        """Return the record of a row; a sale price that is valid today is its price."""
        named = row
        if not all(type(name) is str for name in row):
            named = {str(name): value for name, value in row.items()}
        record = super().record(named, mapping)
        columns = self._columns(named)
        if self._id_column and "id" not in mapping and is_blank(record.get("id")):
            texts = (short_text(named[key]) for key in columns.ids())
            record["id"] = next(filter(None, texts), "") or self._id_of_options(named, columns)
        if "price" not in mapping and "price" in record:
            set_price(record, named, columns, self._today)
        if "in_stock" not in mapping and "in_stock" not in record:
            set_stock(record, named, columns)
        if "categories" not in mapping:
            join_levels(record, named, columns)
        join_folder(record, columns)
        is_named = "product_id" in mapping or "product id" in columns.by_key
        if not is_named and short_text(record.get("product_id")).casefold() in NO_PRODUCT:
            record.pop("product_id", None)
        record.pop(columns.cost, None)
        add_options(record, named, columns)
        described = record.get("description")
        if "title" not in record and isinstance(described, str) and len(described) < SHORT:
            record["title"] = described  # the only text of an inventory
        if columns.is_prefixed:
            record = {option_name(name): value for name, value in record.items()}
        if not columns.is_listing:
            return record
        return {LISTED.sub("", name, count=1): value for name, value in record.items()}

    def _id_of_options(self, row: Record, columns: TableColumns) -> str:
        """Return the id of a variant without one: its product and its options, or ""."""
        product, options = self._product_of(row), options_of(row, columns.options)
        return "-".join([product, *map(text_cell, options.values())]) if product and options else ""

    def _is_list(self, name: str) -> bool:
        return known_key(name) in self.lists

    def _product_column(self, row: Record) -> str | None:
        """Return the column in which a row names its product, or None."""
        if not self._id_column:
            columns = self._columns(row)
            found = columns.first("parent", (self._ignored_parent,))
            own = columns.by_key.get("product id") if "product_id" in self._guesses else None
            return found or next(iter(columns.guessed("product_id")), own)
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
        if self._is_apart:
            return [short_text(row.get("id"))]
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
            found = self._tables[names] = TableColumns(names, self._guesses)
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

    def _is_of_variants(self, name: str, columns: TableColumns) -> bool:
        """Return True if a column ``product id`` has the ids of variants, as that of Mirakl."""
        return name == self._id_column or "variant group code" in columns.by_key

    def _find(self, field: str, found: Mapping[str, str], columns: TableColumns) -> list[str]:
        if field == "images":
            return columns.images()
        if field == "id" and self._id_column:
            return [self._id_column]
        for key in (field.replace("_", " "), *COMMON.get(field, ())):
            if (
                key in found
                and found[key] not in self._slugs
                and not (field == "product_id" and self._is_of_variants(found[key], columns))
            ):
                own = columns.by_key.get("variant price") if field == "price" else None
                return [found[key]] if own is None else [own, found[key]]
        if field == "id":
            return []
        if field == "product_id" and self._id_column and "id" in columns.by_key:
            return [columns.by_key["id"]]
        without: Collection[str] = self._slugs
        if field == "product_id":
            without = (self._id_column, self._ignored_parent)
        name = columns.first(field, without)
        if name is None and field in _TRANSLATED:
            name = columns.translated(field, self._language)
        if name is None and field == "price":
            name = columns.priced()
        if name is None:
            name = next(iter(columns.guessed(field)), None)
        if name is not None and field == "categories":
            return columns.numbered(name)
        return [] if name is None else [name]


def _has_objects(rows: Sequence[Record], name: str) -> bool:
    """Return True if a column has lists of objects."""
    cells = (row.get(name) for row in rows)
    return any(isinstance(part, dict) for cell in cells if isinstance(cell, list) for part in cell)


def _count(known: _Columns, guesses: _Columns) -> int:
    """Return how many fields and roles have a column."""
    return len({field for found in (known, guesses) for field, names in found.items() if names})


def _unique_title(rows: Sequence[Record], known: _Columns, guesses: _Columns) -> str:
    """Return the column of titles of a table with pictures, if no two are equal, or ""."""
    title = next(iter(known["title"]), "")
    cells = [short_text(row.get(title)) for row in rows]
    is_unique = len(set(cells)) == len(cells) and "" not in cells
    return title if is_unique and (known["images"] or guesses.get("images")) else ""


def _without_first(read: ReadRows) -> Iterator[NumberedRow]:
    """Yield the rows, with a BrokenRow in place of the first record, which is no item."""
    is_first = True
    for where, row in read():
        if is_first and not isinstance(row, BrokenRow):
            is_first = False
            yield where, BrokenRow("explains the columns, no item", {})
        else:
            yield where, row


def _is_link(cell: object) -> bool:
    """Return True for a text with a slash, and for what is no text."""
    return not is_blank(cell) and (not isinstance(cell, str) or "/" in cell)


def _records(read: ReadRows) -> Iterator[Record]:
    return (row for _, row in read() if not isinstance(row, BrokenRow))
