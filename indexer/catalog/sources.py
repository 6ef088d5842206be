"""Catalog readers: a folder of images, CSV, JSON lines or Parquet in, items out.

Whatever the format, a record has the same fields: ``id`` (required), ``product_id``,
``title``, ``description``, ``categories``, ``price``, ``currency``, ``in_stock``,
``attributes`` and ``images``. Every further column becomes an attribute. Where a catalog
calls a field otherwise, a mapping ``{field: column}`` says so; ``name``, ``category`` and
``image`` are understood without one.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from indexer.catalog.csvfile import check_twice, csv_records
from indexer.catalog.folderfile import folder_records
from indexer.catalog.item_parser import (
    FIELDS,
    BadRecord,
    Broken,
    Given,
    Numbered,
    Record,
    given_by,
    id_from,
    item_from,
)
from indexer.errors import BadCatalog
from indexer.items import Item, Skipped, Unread

_ALIASES = {"title": "name", "categories": "category", "images": "image"}
_FIRST_PAIR = re.compile(rb'\s*\{\s*("(?:[^"\\]|\\.)*")\s*:\s*("(?:[^"\\]|\\.)*"|-?\d+(?=[\s,}]))')


class Entry(NamedTuple):
    """One item, where in the catalog it stands, and which of its fields its record gives."""

    item: Item
    where: str
    given: Given


class Scan(NamedTuple):
    """What one pass over a catalog found, before any image is opened.

    ``ids`` are those of its items, and ``given`` is what any of its records gives.
    """

    items: int
    images: int
    skipped: list[Skipped]
    ids: frozenset[str]
    given: Given


class Catalog:
    """A catalog file or folder that can be read any number of times, as a stream.

    Image paths of its items are relative to ``root``.
    """

    def __init__(self, path: Path, mapping: Mapping[str, str] | None = None) -> None:
        """Open ``path``. BadCatalog when it is missing or of no known kind."""
        self.path = path
        self._mapping = dict(mapping or {})
        self._columns: set[str] = set()  # every column name seen so far
        self._fields: frozenset[str] = frozenset()  # and every field and attribute
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
        """Items in the catalog's order; what is no item comes as Skipped, in its place.

        BadCatalog when the file as a whole cannot be read.
        """
        for where, record in self._records(self.path):
            if isinstance(record, Broken):
                guess = self._guess(record)
                row = Skipped("", record.reason, where=where)
                yield Unread("", record.reason, where=where, guess=guess) if guess else row
                continue
            self._columns.update(record)
            named = self._named(record)
            given = given_by(named)
            self._fields |= given.fields
            self._attributes |= given.attributes
            try:
                yield Entry(item_from(named), where, given)
            except BadRecord as error:
                sure = error.named or not error.item_id
                kind = Skipped if sure else Unread
                yield kind(error.item_id, str(error), where=where)

    def scan(self) -> Scan:
        """Read everything once and count it; images are not opened.

        BadCatalog when two rows share an id (naming both), no row is an item, or a column
        that a field is mapped to (or ``id`` itself) occurs nowhere.
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
                    f"{self.path}: id {item_id!r} stands in {places[item_id]} and again in "
                    f"{entry.where}; ids must be unique"
                )
            places[item_id] = entry.where
            images += len(entry.item.images)
        self._check_columns()
        if isinstance(entry, Unread) and entry.guess and not entry.guess.endswith("/"):
            reason = f"{entry.reason}; it is the last row, and more may be cut off"
            skipped[-1] = Skipped("", reason, where=entry.where)
        if not places:
            why = f"; {skipped[0].where}: {skipped[0].reason}" if skipped else ""
            raise BadCatalog(f"{self.path} holds no items{why}")
        given = Given(self._fields, self._attributes)
        return Scan(len(places), images, skipped, frozenset(places), given)

    def _guess(self, broken: Broken) -> str:
        """The id that a broken row seems to have; empty where that cannot be told."""
        try:
            return id_from(self._named(broken.left))
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

    def _named(self, record: Record) -> Record:
        """The record under our field names; columns that are no field stay as they are."""
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
            # A column of the name of a field that is mapped elsewhere gives way to it.
            if column not in taken and column not in self._mapping:
                named[column] = value
        return named


def open_catalog(path: Path | str, mapping: Mapping[str, str] | None = None) -> Catalog:
    """The catalog at ``path``; see ``Catalog``."""
    return Catalog(Path(path), mapping)


def _reader(path: Path) -> Callable[[Path], Iterator[Numbered]]:
    readers: dict[str, Callable[[Path], Iterator[Numbered]]] = {
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


def _json_records(path: Path) -> Iterator[Numbered]:
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
                    yield f"line {number}", Broken(f"not JSON: {error}", _first_pair(line))
                    continue
                if isinstance(record, dict):
                    yield f"line {number}", record
                else:
                    reason = f"expected an object, got {type(record).__name__}"
                    yield f"line {number}", Broken(reason, {})
    except OSError as error:
        raise BadCatalog(f"cannot read {path}: {error.strerror or error}") from error


def _first_pair(line: bytes) -> Record:
    """The first name and value of a broken line, where they are whole."""
    match = _FIRST_PAIR.match(line)
    if match is None:
        return {}
    try:
        return {msgspec.json.decode(match[1], type=str): msgspec.json.decode(match[2])}
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}


def _parquet_records(path: Path) -> Iterator[Numbered]:
    try:
        import pyarrow.parquet as pq
    except ImportError:
        raise BadCatalog(
            f"{path}: reading Parquet needs pyarrow; pip install 'vitrine[parquet]'"
        ) from None
    import pyarrow as pa

    try:
        with pq.ParquetFile(path) as file:
            check_twice(path, file.schema_arrow.names)
            number = 0
            for batch in file.iter_batches(batch_size=1024):
                for record in _parquet_rows(batch):
                    number += 1
                    yield f"row {number}", record
    except (pa.ArrowException, OSError) as error:
        raise BadCatalog(f"cannot read {path}: {' '.join(str(error).split())[:200]}") from error


def _parquet_rows(batch: Any) -> Iterator[Record | Broken]:
    """The rows of an Arrow batch; of one with a value that Python cannot hold, which that is."""
    try:
        records = batch.to_pylist()
    except (ValueError, OverflowError):  # a time too fine or too far, text that is no UTF-8
        for row in range(batch.num_rows):
            yield _parquet_row(batch, row)
        return
    for record in records:
        yield _with_text(record)


def _parquet_row(batch: Any, row: int) -> Record | Broken:
    record: Record = {}
    fault = ""
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        try:
            record[name] = column[row].as_py()
        except (ValueError, OverflowError) as error:
            why = " ".join(str(error).split())[:120]
            fault = fault or f"column {name!r} cannot be read: {why}"
    read = _with_text(record)
    if not fault:
        return read
    return Broken(fault, read.left if isinstance(read, Broken) else read)


def _with_text(record: Record) -> Record | Broken:
    """The record with bytes read as text: some programs write text without saying that it is."""
    fault = ""
    left: Record = {}
    for name, value in record.items():
        try:
            left[name] = value.decode() if isinstance(value, bytes) else value
        except UnicodeDecodeError:
            fault = fault or f"column {name!r} holds {len(value)} bytes that are no text"
    return Broken(fault, left) if fault else left
