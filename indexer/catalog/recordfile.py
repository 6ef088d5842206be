"""Read the records of a CSV, JSON lines or Parquet file, whatever they describe."""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING, Any

import msgspec

from indexer.catalog.csvfile import check_unique_columns, csv_records
from indexer.catalog.item_parser import BrokenRow, NumberedRow, Record
from indexer.errors import BadCatalog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_FIRST_FIELD = re.compile(rb'\s*\{\s*("(?:[^"\\]|\\.)*")\s*:\s*("(?:[^"\\]|\\.)*"|-?\d+(?=[\s,}]))')


def record_reader(path: Path, kinds: str) -> Callable[[Path], Iterator[NumberedRow]]:
    """Return the function that reads the records of a file, by its ending.

    Raise BadCatalog for another ending; ``kinds`` begins the sentence that lists the known ones.
    """
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
            f"{path}: {kinds} a file ending in {', '.join(readers)}; got {suffix or 'no ending'!r}"
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
