"""Read a catalog (a folder of images, CSV, JSON lines or Parquet) into items.

A record has the same fields in every format: ``id`` (required), ``product_id``, ``title``,
``description``, ``categories``, ``price``, ``currency``, ``in_stock``, ``attributes`` and
``images``. Any other column becomes an attribute. A mapping ``{field: column}`` renames
columns; ``name``, ``category`` and ``image`` are known without a mapping.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from indexer.catalog.folderfile import folder_records
from indexer.catalog.item_parser import (
    FIELDS,
    BadRecord,
    BrokenRow,
    GivenFields,
    Record,
    given_fields,
    id_from,
    item_from,
)
from indexer.catalog.recordfile import record_reader
from indexer.errors import BadCatalog
from indexer.items import Item, Skipped, UnreadableRow

_ALIASES = {"title": "name", "categories": "category", "images": "image"}
_KINDS = "a catalog is a folder of images or"


class Entry(NamedTuple):
    """An item, its place in the catalog ("row 3"), and the fields that its record gives."""

    item: Item
    where: str
    given: GivenFields


class Scan(NamedTuple):
    """The counts of one pass over a catalog, before any image is opened.

    ``items`` and ``images`` are counts, ``ids`` the ids of the items, and ``given`` the fields
    that any record gives.
    """

    items: int
    images: int
    skipped: list[Skipped]
    ids: frozenset[str]
    given: GivenFields


class Catalog:
    """A catalog file or folder, read as a stream any number of times.

    Image paths are relative to ``root``.
    """

    def __init__(self, path: Path, mapping: Mapping[str, str] | None = None) -> None:
        """Open ``path``; raise BadCatalog if it is missing, of an unknown kind, or badly mapped."""
        self.path = path
        self._mapping = dict(mapping or {})
        self._columns: set[str] = set()  # columns, fields and attributes seen so far
        self._fields: frozenset[str] = frozenset()
        self._attributes: frozenset[str] = frozenset()
        unknown = set(self._mapping) - set(FIELDS)
        if unknown:
            raise BadCatalog(
                f"--map names the unknown field {sorted(unknown)[0]!r}; fields are "
                f"{', '.join(FIELDS)}",
                param="map",
            )
        if not path.exists():
            raise BadCatalog(f"no such catalog: {path}")
        self.root = path if path.is_dir() else path.parent
        self._records = folder_records if path.is_dir() else record_reader(path, _KINDS)

    def __iter__(self) -> Iterator[Entry | Skipped]:
        """Yield the items in catalog order, with a Skipped in place of each invalid row.

        Raise BadCatalog if the file as a whole cannot be read.
        """
        for where, record in self._records(self.path):
            if isinstance(record, BrokenRow):
                guess = self._guess(record)
                row = Skipped("", record.reason, where=where)
                yield UnreadableRow("", record.reason, where=where, guess=guess) if guess else row
                continue
            self._columns.update(record)
            named = self._renamed(record)
            given = given_fields(named)
            self._fields |= given.fields
            self._attributes |= given.attributes
            try:
                yield Entry(item_from(named), where, given)
            except BadRecord as error:
                kind = Skipped if error.id_known or not error.item_id else UnreadableRow
                yield kind(error.item_id, str(error), where=where)

    def scan(self) -> Scan:
        """Read the whole catalog once and count it; images are not opened.

        Raise BadCatalog if two rows share an id, no row is an item, or no row has the column
        ``id`` or a column that a field is mapped to.
        """
        places: dict[str, str] = {}
        images = 0
        skipped: list[Skipped] = []
        entry: Entry | Skipped | None = None
        for entry in self:
            if isinstance(entry, Skipped):
                skipped.append(entry)
                continue
            item_id = entry.item.item_id
            if item_id in places:
                raise BadCatalog(
                    f"{self.path}: id {item_id!r} is in {places[item_id]} and again in "
                    f"{entry.where}; ids must be unique"
                )
            places[item_id] = entry.where
            images += len(entry.item.images)
        self._check_columns()
        if isinstance(entry, UnreadableRow) and entry.guess and not entry.guess.endswith("/"):
            reason = f"{entry.reason}; it is the last row, and more may be cut off"
            skipped[-1] = Skipped("", reason, where=entry.where)
        if not places:
            why = f"; {skipped[0].where}: {skipped[0].reason}" if skipped else ""
            raise BadCatalog(f"{self.path} holds no items{why}")
        given = GivenFields(self._fields, self._attributes)
        return Scan(len(places), images, skipped, frozenset(places), given)

    def _guess(self, broken: BrokenRow) -> str:
        """Return the likely id of a broken row, or "" if none can be read."""
        try:
            return id_from(self._renamed(broken.readable))
        except BadRecord:
            return ""

    def _check_columns(self) -> None:
        has = ", ".join(map(repr, sorted(self._columns))) or "none"
        for field, column in self._mapping.items():
            if column not in self._columns and self._columns:
                raise BadCatalog(
                    f"{self.path} has no column {column!r} (mapped to {field!r}); it has {has}",
                    param="map",
                )
        if self._columns and self._mapping.get("id", "id") not in self._columns:
            raise BadCatalog(
                f"{self.path} has no column 'id'; it has {has}. Name the right one with "
                "--map id=COLUMN"
            )

    def _renamed(self, record: Record) -> Record:
        """Rename the columns of a record to our field names; other columns keep their names."""
        named: Record = {}
        taken: set[str] = set()
        for field in FIELDS:
            column = self._mapping.get(field, field)
            if column not in record and field not in self._mapping:
                column = _ALIASES.get(field, field)
            if column in record:
                named[field] = record[column]
                taken.add(column)
        for column, value in record.items():
            # A column is dropped if a field of its name is mapped to another column.
            if column not in taken and column not in self._mapping:
                named[column] = value
        return named


def open_catalog(path: Path | str, mapping: Mapping[str, str] | None = None) -> Catalog:
    """Open the catalog at ``path``; see ``Catalog``."""
    return Catalog(Path(path), mapping)
