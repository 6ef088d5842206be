"""Catalog readers: a folder of images, CSV, JSON lines or Parquet in, items out.

Whatever the format, a record has the same fields: ``id`` (required), ``product_id``,
``title``, ``description``, ``categories``, ``price``, ``currency``, ``in_stock``,
``attributes`` and ``images``. Every further column becomes an attribute. Where a catalog
calls a field otherwise, a mapping ``{field: column}`` says so; ``name``, ``category`` and
``image`` are understood without one.
"""

from __future__ import annotations

import codecs
import csv
import posixpath
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TextIO, TypeAlias

import msgspec

from indexer.errors import BadCatalog, BadImage
from indexer.items import Item, Skipped
from indexer.records import FIELDS, BadRecord, item_from

Record: TypeAlias = dict[str, Any]
Numbered: TypeAlias = tuple[str, Record | str]  # where ("row 3"), the record or why it is none

_ALIASES = {"title": "name", "categories": "category", "images": "image"}
_MAX_CELL = 1_000_000  # characters; more in one CSV cell is a broken quote, not a description


class Entry(NamedTuple):
    """One item, and where in the catalog it stands."""

    item: Item
    where: str


class Scan(NamedTuple):
    """What one pass over a catalog found, before any image is opened."""

    items: int
    images: int
    skipped: list[Skipped]


class Catalog:
    """A catalog file or folder that can be read any number of times, as a stream.

    Image paths of its items are relative to ``root``.
    """

    def __init__(self, path: Path, mapping: Mapping[str, str] | None = None) -> None:
        """Open ``path``. BadCatalog when it is missing or of no known kind."""
        self.path = path
        self._mapping = dict(mapping or {})
        self._columns: set[str] = set()  # every column name seen so far
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
        self._records = _folder_records if path.is_dir() else _reader(path)

    def __iter__(self) -> Iterator[Entry | Skipped]:
        """Items in the catalog's order; what is no item comes as Skipped, in its place.

        BadCatalog when the file as a whole cannot be read.
        """
        for where, record in self._records(self.path):
            if isinstance(record, str):
                yield Skipped("", record, where=where)
                continue
            self._columns.update(record)
            try:
                yield Entry(item_from(self._named(record)), where)
            except BadRecord as error:
                yield Skipped(error.item_id, str(error), where=where)

    def scan(self) -> Scan:
        """Read everything once and count it; images are not opened.

        BadCatalog when two rows share an id (naming both), no row is an item, or a column
        that a field is mapped to (or ``id`` itself) occurs nowhere.
        """
        places: dict[str, str] = {}
        images = 0
        skipped: list[Skipped] = []
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
        if not places:
            why = f"; {skipped[0].where}: {skipped[0].reason}" if skipped else ""
            raise BadCatalog(f"{self.path} holds no items{why}")
        return Scan(len(places), images, skipped)

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


def image_path(root: Path, path: str) -> Path:
    """Where an image of the catalog in ``root`` lies.

    BadImage for a URL and for a path that leaves the folder: a catalog written by somebody
    else must not make its index out of this machine's other files.
    """
    if "://" in path:
        raise BadImage("a URL; images are read from disk, not fetched")
    clean = posixpath.normpath(path.replace("\\", "/"))
    if clean.startswith(("/", "../")) or clean == ".." or "\0" in clean or clean[1:2] == ":":
        raise BadImage("outside the catalog's folder; move or link it inside")
    return root / clean


def _reader(path: Path) -> Callable[[Path], Iterator[Numbered]]:
    readers: dict[str, Callable[[Path], Iterator[Numbered]]] = {
        ".csv": _csv_records,
        ".tsv": _csv_records,
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


def _folder_records(path: Path) -> Iterator[Numbered]:
    """Every file that is not hidden, in name order; content decides later what is an image."""
    files = sorted(p for p in path.rglob("*") if p.is_file())
    for file in files:
        relative = file.relative_to(path)
        if any(part.startswith(".") for part in relative.parts):
            continue
        where = str(relative).encode("utf-8", "replace").decode()
        if where != str(relative):
            yield where, "its name is not UTF-8; rename it"
            continue
        yield (
            where,
            {
                "id": relative.as_posix(),
                "title": file.stem.replace("_", " ").replace("-", " "),
                "categories": [parent] if (parent := relative.parent.as_posix()) != "." else [],
                "images": [relative.as_posix()],
            },
        )


def _csv_records(path: Path) -> Iterator[Numbered]:
    csv.field_size_limit(_MAX_CELL)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first_line = file.readline()
            file.seek(0)
            delimiter = max(",;\t|", key=first_line.count)  # "," when none occurs
            lines = _Lines(file)
            # Strict: a broken quote is told; else it would swallow the rows up to the next one.
            rows = csv.reader(lines, delimiter=delimiter, strict=True)
            yield from _csv_rows(rows, lines, _csv_header(path, rows))
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise BadCatalog(f"{path} is not UTF-8 (byte 0x{byte:02x}); convert it first") from error
    except OSError as error:
        raise BadCatalog(f"cannot read {path}: {error.strerror or error}") from error


class _Lines:
    """The lines of a file, of which some can be given back to be read again."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._again: deque[str] = deque()
        self._taken: list[str] = []

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._file)
        self._taken.append(line)
        return line

    def row_is_good(self) -> None:
        """What was taken so far is not needed again."""
        self._taken.clear()

    def give_back(self) -> None:
        """All lines since the last good row but the first come again."""
        self._again.extendleft(reversed(self._taken[1:]))
        self._taken.clear()


def _csv_header(path: Path, rows: Iterator[list[str]]) -> list[str]:
    try:
        header = [name.strip() for name in next(rows, [])]
    except csv.Error as error:
        raise BadCatalog(f"{path}: the header row is not CSV: {error}") from error
    if not any(header):
        raise BadCatalog(f"{path} is empty: expected a header row with at least 'id'")
    _check_twice(path, header)
    return header


def _check_twice(path: Path, columns: list[str]) -> None:
    twice = [name for name, count in Counter(columns).items() if name and count > 1]
    if twice:
        raise BadCatalog(f"{path} has two columns {twice[0]!r}; rename one")


def _csv_rows(rows: Iterator[list[str]], lines: _Lines, header: list[str]) -> Iterator[Numbered]:
    number = 1  # the header is row 1, as a spreadsheet counts
    while True:
        number += 1
        lines.row_is_good()
        try:
            row = next(rows, None)
        except csv.Error as error:
            lines.give_back()  # a quote that never closes has taken the rows after it along
            yield f"row {number}", f"not CSV: {error}"
            continue
        if row is None:
            return
        if not any(row):
            continue
        if len(row) != len(header):
            yield f"row {number}", f"has {len(row)} fields, the header has {len(header)}"
            continue
        yield f"row {number}", dict(zip(header, row, strict=True))


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
                    yield f"line {number}", f"not JSON: {error}"
                    continue
                if isinstance(record, dict):
                    yield f"line {number}", record
                else:
                    yield f"line {number}", f"expected an object, got {type(record).__name__}"
    except OSError as error:
        raise BadCatalog(f"cannot read {path}: {error.strerror or error}") from error


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
            _check_twice(path, file.schema_arrow.names)
            number = 0
            for batch in file.iter_batches(batch_size=1024):
                for record in _parquet_rows(batch):
                    number += 1
                    yield f"row {number}", record
    except (pa.ArrowException, OSError) as error:
        raise BadCatalog(f"cannot read {path}: {' '.join(str(error).split())[:200]}") from error


def _parquet_rows(batch: Any) -> Iterator[Record | str]:
    """The rows of an Arrow batch; of one with a value that Python cannot hold, which that is."""
    try:
        records = batch.to_pylist()
    except (ValueError, OverflowError):  # a time too fine or too far, text that is no UTF-8
        for row in range(batch.num_rows):
            yield _parquet_row(batch, row)
        return
    for record in records:
        yield _with_text(record)


def _parquet_row(batch: Any, row: int) -> Record | str:
    record: Record = {}
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        try:
            record[name] = column[row].as_py()
        except (ValueError, OverflowError) as error:
            return f"column {name!r} cannot be read: {' '.join(str(error).split())[:120]}"
    return _with_text(record)


def _with_text(record: Record) -> Record | str:
    """The record with bytes read as text: some programs write text without saying that it is."""
    for name, value in record.items():
        if isinstance(value, bytes):
            try:
                record[name] = value.decode()
            except UnicodeDecodeError:
                return f"column {name!r} holds {len(value)} bytes that are no text"
    return record
