"""Write all items of a shop to a CSV, JSON lines or Parquet file, which is a catalog again."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

import msgspec

from indexer.csvrows import MAX_CELL
from indexer.durable import draft_of
from indexer.errors import CannotWrite
from indexer.exportcells import (
    EXPORT_COLUMNS,
    EXPORT_MARK,
    OTHERS,
    VECTORS,
    VERSION,
    cell_of,
    column_of,
    list_cell,
    number_cell,
)
from indexer.formulacell import without_formula
from indexer.progress import Progress, no_progress
from indexer.shop.shelf import Shelf
from indexer.store.records import PictureKey
from indexer.store.store import Store

if TYPE_CHECKING:
    from indexer.items import Item
    from indexer.shop.folder import ShopFolder
    from indexer.store.records import ItemRecord
    from indexer.store.transactions import Reader

EXPORT_ENDINGS: Final = (".csv", ".jsonl", ".ndjson", ".parquet")
_CHUNK: Final = 500
_MOST_COLUMNS: Final = 10_000  # of attributes; a reader takes 16,384 columns
Row: TypeAlias = dict[str, Any]


class ExportReport(msgspec.Struct, frozen=True):
    """The result of an export; ``encoder`` is that of the vectors, empty if there are none."""

    file: str
    items: int
    images: int
    encoder: str = ""


def export_items(
    shop: ShopFolder, path: Path, *, vectors: bool = False, progress: Progress = no_progress
) -> ExportReport:
    """Write all items of ``shop`` in one consistent view, in byte order of their ids.

    The ending of ``path`` chooses the format. ``vectors`` adds the field ``embeddings``: the vector
    of each image by the serving encoder, rounded to fp16; null for an image without one. ``path``
    appears once it is complete. Raises CannotWrite for another ending, for Parquet without pyarrow,
    and if the disk cannot be written.
    """
    if path.suffix.lower() not in EXPORT_ENDINGS:
        raise CannotWrite(
            f"{path}: an export is a file ending in {', '.join(EXPORT_ENDINGS)}; got "
            f"{path.suffix or 'no ending'!r}"
        )
    serving = Shelf.read(shop).serving() if vectors else None
    key = serving.model.key if serving else None
    images = done = 0
    with Store(shop.store) as store, store.read() as reader, draft_of(path) as draft:
        total = reader.count("items")
        columns = attribute_columns(record.item for record in reader.items())
        rows = (_row(reader, record, key) for record in reader.items())
        with closing(writer_of(path, draft, columns, has_vectors=key is not None)) as writer:
            while chunk := list(islice(rows, _CHUNK)):
                writer.write(chunk)
                done += len(chunk)
                images += sum(len(row["images"]) for row in chunk)
                progress("export", done, total)
    return ExportReport(str(path), done, images, serving.model.id if serving else "")


def attribute_columns(items: Iterable[Item]) -> list[str]:
    """Return the columns of a CSV export for the attributes of ``items``, in order.

    The last one is ``attributes`` if some attributes have no column of their own.
    """
    found = {column_of(*one) for item in items for one in item.attributes.items()}
    own = sorted(filter(None, found))[:_MOST_COLUMNS]
    return [*own, OTHERS] if len(own) < len(found) else own


def _row(reader: Reader, record: ItemRecord, encoder: bytes | None) -> Row:
    row = row_of(record.item, [image.path for image in record.images])
    if encoder is not None:
        keys = [PictureKey(image.content) for image in record.images]
        row[VECTORS] = [_vector(reader.embedding(encoder, key)) for key in keys]
    return row


def row_of(item: Item, images: list[str]) -> Row:
    """Return the row of an item with these images: its fields, its attributes and the mark."""
    fields = {name: getattr(item, name) for name in EXPORT_COLUMNS if name not in ("id", "images")}
    row = {"id": item.item_id, **fields, "images": images}
    return {**row, OTHERS: item.attributes, EXPORT_MARK: VERSION}


def _vector(stored: bytes | None) -> list[float] | None:
    import numpy as np

    return np.frombuffer(stored, dtype=np.float16).tolist() if stored else None


class RowWriter(Protocol):
    """Writes rows to a file, which is complete when it is closed."""

    def write(self, rows: list[Row]) -> None:
        """Write these rows, which may be changed."""

    def close(self) -> None:
        """Complete the file."""


def writer_of(path: Path, draft: Path, columns: list[str], *, has_vectors: bool) -> RowWriter:
    """Return the writer for the ending of ``path``, to the file ``draft``.

    ``columns`` are those of a CSV file for attributes. Raises CannotWrite for Parquet without
    pyarrow.
    """
    suffix = path.suffix.lower()
    if suffix == ".csv":
        return _CsvWriter(path, draft, columns, has_vectors=has_vectors)
    if suffix == ".parquet":
        return _ParquetWriter(path, draft, has_vectors=has_vectors)
    return _JsonWriter(draft)


class _JsonWriter:
    """Writes an object on each line."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")

    def write(self, rows: list[Row]) -> None:
        self._file.write(msgspec.json.Encoder().encode_lines(rows))

    def close(self) -> None:
        self._file.close()


class _CsvWriter:
    """Writes a row for each item, with a column for each attribute.

    Attributes whose names may be no column's are an object in JSON in the column ``attributes``. A
    cell that a spreadsheet would run as a formula begins with an apostrophe.
    """

    def __init__(self, path: Path, draft: Path, columns: list[str], *, has_vectors: bool) -> None:
        """``columns`` are those of attributes, see ``attribute_columns``; errors name ``path``."""
        self._path = path
        self._file = draft.open("w", encoding="utf-8", newline="")
        self._columns = frozenset(columns)
        vectors = [VECTORS] if has_vectors else []
        names = [*EXPORT_COLUMNS, *columns, *vectors, EXPORT_MARK]
        self._writer = csv.DictWriter(self._file, names, restval="")
        self._writer.writeheader()

    def write(self, rows: list[Row]) -> None:
        for row in rows:
            cells = {name: _cell(row[name]) for name in (*EXPORT_COLUMNS, EXPORT_MARK)}
            others: Row = {}
            for name, value in row[OTHERS].items():
                column = column_of(name, value)
                if column in self._columns:
                    cells[column] = cell_of(value)
                else:
                    others[name] = value
            if others:
                cells[OTHERS] = msgspec.json.encode(others).decode()
            if VECTORS in row:
                cells[VECTORS] = json.dumps(row[VECTORS])
                self._check_length(row["id"], cells[VECTORS])
            self._writer.writerow(cells)

    def _check_length(self, item: str, cell: str) -> None:
        """Raise CannotWrite for the vectors of an item with very many images."""
        if len(cell) > MAX_CELL:
            raise CannotWrite(
                f"{self._path}: the vectors of item {item!r} take {len(cell):,} characters, a "
                f"cell of CSV has at most {MAX_CELL:,}; export to .jsonl or .parquet instead"
            )

    def close(self) -> None:
        self._file.close()


class _ParquetWriter:
    """Writes a table; ``attributes`` are an object in JSON, since their types differ."""

    def __init__(self, path: Path, draft: Path, *, has_vectors: bool) -> None:
        try:
            import pyarrow as pa
            import pyarrow.parquet as pq
        except ImportError:
            raise CannotWrite(
                f"{path}: writing Parquet needs pyarrow; pip install 'vitrine[parquet]'"
            ) from None
        lists = dict.fromkeys(("categories", "images"), pa.list_(pa.string()))
        kinds = {**lists, "price": pa.float64(), "in_stock": pa.bool_()}
        fields = [(name, kinds.get(name, pa.string())) for name in (*EXPORT_COLUMNS, OTHERS)]
        fields.append((EXPORT_MARK, pa.string()))
        if has_vectors:
            fields.append((VECTORS, pa.list_(pa.list_(pa.float32()))))
        self._pa, self._schema = pa, pa.schema(fields)
        self._writer = pq.ParquetWriter(draft, self._schema)

    def write(self, rows: list[Row]) -> None:
        for row in rows:
            row[OTHERS] = msgspec.json.encode(row[OTHERS]).decode()
        self._writer.write_table(self._pa.Table.from_pylist(rows, schema=self._schema))

    def close(self) -> None:
        self._writer.close()


def _cell(value: Any) -> str:
    """Return the cell of a field."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return number_cell(value)
    return without_formula(value) if isinstance(value, str) else list_cell(value)
