"""Write all items of a shop to a CSV, JSON lines or Parquet file, which is a catalog again."""

from __future__ import annotations

import csv
import json
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

import msgspec

from indexer.durable import draft_of
from indexer.errors import CannotWrite
from indexer.formulacell import without_formula
from indexer.progress import Progress, no_progress
from indexer.shop.shelf import Shelf
from indexer.store.records import PictureKey
from indexer.store.store import Store

if TYPE_CHECKING:
    from indexer.shop.folder import ShopFolder
    from indexer.store.records import ItemRecord
    from indexer.store.transactions import Reader

EXPORT_ENDINGS: Final = (".csv", ".jsonl", ".ndjson", ".parquet")
_CHUNK: Final = 500
_COLUMNS: Final = (
    "id", "product_id", "title", "description", "categories", "price", "currency", "in_stock",
    "url", "images",
)  # fmt: skip
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
        names = sorted({name for record in reader.items() for name in record.item.attributes})
        rows = (_row(reader, record, key) for record in reader.items())
        with closing(_writer_of(path, draft, names, has_vectors=key is not None)) as writer:
            while chunk := list(islice(rows, _CHUNK)):
                writer.write(chunk)
                done += len(chunk)
                images += sum(len(row["images"]) for row in chunk)
                progress("export", done, total)
    return ExportReport(str(path), done, images, serving.model.id if serving else "")


def _row(reader: Reader, record: ItemRecord, encoder: bytes | None) -> Row:
    item = record.item
    row: Row = {name: getattr(item, name) for name in _COLUMNS if name not in ("id", "images")}
    row = {"id": item.item_id, **row, "images": [image.path for image in record.images]}
    row["attributes"] = item.attributes
    if encoder is not None:
        keys = [PictureKey(image.content) for image in record.images]
        row["embeddings"] = [_vector(reader.embedding(encoder, key)) for key in keys]
    return row


def _vector(stored: bytes | None) -> list[float] | None:
    import numpy as np

    return np.frombuffer(stored, dtype=np.float16).tolist() if stored else None


class _RowWriter(Protocol):
    def write(self, rows: list[Row]) -> None: ...

    def close(self) -> None: ...


def _writer_of(path: Path, draft: Path, attributes: list[str], *, has_vectors: bool) -> _RowWriter:
    suffix = path.suffix.lower()
    if suffix == ".csv":
        return _CsvWriter(draft, attributes, has_vectors=has_vectors)
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

    Categories and images are joined by ``;``, or written as JSON if a reader would split one of
    them. Attributes that are lists are written as JSON. A cell that a spreadsheet would run as a
    formula begins with an apostrophe.
    """

    def __init__(self, path: Path, attributes: list[str], *, has_vectors: bool) -> None:
        self._file = path.open("w", encoding="utf-8", newline="")
        self._names = {name: _column_of(name) for name in attributes}
        columns = [*_COLUMNS, *self._names.values(), *(["embeddings"] if has_vectors else [])]
        self._writer = csv.DictWriter(self._file, columns, restval="")
        self._writer.writeheader()

    def write(self, rows: list[Row]) -> None:
        for row in rows:
            attributes = row.pop("attributes")
            row.update({self._names[name]: _listed(part) for name, part in attributes.items()})
            for name in ("categories", "images"):
                if _is_split(row[name]):
                    row[name] = json.dumps(row[name], ensure_ascii=False)
            if "embeddings" in row:
                row["embeddings"] = json.dumps(row["embeddings"])
            self._writer.writerow({name: _cell(value) for name, value in row.items()})

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
        fields = [(name, kinds.get(name, pa.string())) for name in (*_COLUMNS, "attributes")]
        if has_vectors:
            fields.append(("embeddings", pa.list_(pa.list_(pa.float32()))))
        self._pa, self._schema = pa, pa.schema(fields)
        self._writer = pq.ParquetWriter(draft, self._schema)

    def write(self, rows: list[Row]) -> None:
        for row in rows:
            row["attributes"] = msgspec.json.encode(row["attributes"]).decode()
        self._writer.write_table(self._pa.Table.from_pylist(rows, schema=self._schema))

    def close(self) -> None:
        self._writer.close()


def _column_of(attribute: str) -> str:
    """Return the column of an attribute; one that has the name of a field gets another."""
    is_taken = attribute in (*_COLUMNS, "embeddings")
    return f"attributes.{attribute}" if is_taken else without_formula(attribute)


def _listed(value: Any) -> Any:
    """Return a list as JSON, because a text with separators would be read as one text."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list) else value


def _is_split(texts: list[str]) -> bool:
    """Return True if a reader would split one of the texts of a cell into several."""
    separators = ";|\n" if len(texts) > 1 else ";|\n,"
    return any(separator in text for text in texts for separator in separators)


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        value = ";".join(value)
    if isinstance(value, str):
        return without_formula(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return "" if value is None else value
