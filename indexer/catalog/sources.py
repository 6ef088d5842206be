"""Read a catalog (a folder of images, CSV, JSON lines or Parquet) into items.

A record has the same fields in every format: ``id`` (required), ``product_id``, ``title``,
``description``, ``categories``, ``price``, ``currency``, ``in_stock``, ``attributes`` and
``images``. Any other column becomes an attribute. A mapping ``{field: column}`` renames
columns; ``name``, ``category`` and ``image`` are known without a mapping.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from indexer.catalog.csvfile import check_unique_columns, csv_records
from indexer.catalog.folderfile import folder_records
from indexer.catalog.item_parser import (
    FIELDS,
    BadRecord,
    BrokenRow,
    GivenFields,
    NumberedRow,
    Record,
    given_fields,
    id_from,
    item_from,
)
from indexer.errors import BadCatalog
from indexer.items import Item, Skipped, UnreadableRow

_ALIASES = {"title": "name", "categories": "category", "images": "image"}
_FIRST_FIELD = re.compile(rb'\s*\{\s*("(?:[^"\\]|\\.)*")\s*:\s*("(?:[^"\\]|\\.)*"|-?\d+(?=[\s,}]))')


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
        self._records = folder_records if path.is_dir() else _reader(path)

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


def _reader(path: Path) -> Callable[[Path], Iterator[NumberedRow]]:
    readers: dict[str, Callable[[Path], Iterator[NumberedRow]]] = {
        ".csv": csv_records,
        ".tsv": csv_records,
        ".jsonl": _json_records,
        ".ndjson": _json_records,
        ".parquet": _parquet_records,
    }
    suffix = path.suffix.lower()
    if suffix not in readers:
        raise BadCatalog(
            f"{path}: a catalog is a folder of images or a file ending in "
            f"{', '.join(readers)}; got {suffix or 'no ending'!r}"
        )
    return readers[suffix]


def _json_records(path: Path) -> Iterator[NumberedRow]:
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if number == 1:
                    line = line.removeprefix(codecs.BOM_UTF8)
                if not line.strip():
                    continue
                try:
                    record = msgspec.json.decode(line)
                except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                    yield f"line {number}", BrokenRow(f"not JSON: {error}", _first_field(line))
                    continue
                if isinstance(record, dict):
                    yield f"line {number}", record
                else:
                    reason = f"expected an object, got {type(record).__name__}"
                    yield f"line {number}", BrokenRow(reason, {})
    except OSError as error:
        raise BadCatalog(f"cannot read {path}: {error.strerror or error}") from error


def _first_field(line: bytes) -> Record:
    """Return the first name and value of a broken line, or {} if they are incomplete."""
    match = _FIRST_FIELD.match(line)
    if match is None:
        return {}
    try:
        return {msgspec.json.decode(match[1], type=str): msgspec.json.decode(match[2])}
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}


def _parquet_records(path: Path) -> Iterator[NumberedRow]:
    try:
        import pyarrow.parquet as pq
    except ImportError:
        raise BadCatalog(
            f"{path}: reading Parquet needs pyarrow; pip install 'vitrine[parquet]'"
        ) from None
    import pyarrow as pa

    try:
        with pq.ParquetFile(path) as file:
            check_unique_columns(path, file.schema_arrow.names)
            number = 0
            for batch in file.iter_batches(batch_size=1024):
                for record in _parquet_rows(batch):
                    number += 1
                    yield f"row {number}", record
    except (pa.ArrowException, OSError) as error:
        raise BadCatalog(f"cannot read {path}: {' '.join(str(error).split())[:200]}") from error


def _parquet_rows(batch: Any) -> Iterator[Record | BrokenRow]:
    """Yield the rows of an Arrow batch, with a BrokenRow for a value that Python cannot hold."""
    try:
        records = batch.to_pylist()
    except (ValueError, OverflowError):  # a time out of range or too precise, text not in UTF-8
        for row in range(batch.num_rows):
            yield _parquet_row(batch, row)
        return
    for record in records:
        yield _with_text(record)


def _parquet_row(batch: Any, row: int) -> Record | BrokenRow:
    record: Record = {}
    fault = ""
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        try:
            record[name] = column[row].as_py()
        except (ValueError, OverflowError) as error:
            why = " ".join(str(error).split())[:120]
            fault = fault or f"column {name!r} cannot be read: {why}"
    decoded = _with_text(record)
    if not fault:
        return decoded
    return BrokenRow(fault, decoded.readable if isinstance(decoded, BrokenRow) else decoded)


def _with_text(record: Record) -> Record | BrokenRow:
    """Decode bytes as UTF-8: some programs write text columns without the string type."""
    fault = ""
    decoded: Record = {}
    for name, value in record.items():
        try:
            decoded[name] = value.decode() if isinstance(value, bytes) else value
        except UnicodeDecodeError:
            fault = fault or f"column {name!r} holds {len(value)} bytes that are not UTF-8 text"
    return BrokenRow(fault, decoded) if fault else decoded
