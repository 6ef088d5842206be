"""Read the rows of a Parquet file."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

import msgspec

from indexer.catalog.csvfile import check_columns
from indexer.catalog.item_parser import BrokenRow, NumberedRow, Record
from indexer.catalog.limitedprocess import written_by
from indexer.errors import BadCatalog, one_line
from indexer.jsonbytes import decode_json

if TYPE_CHECKING:
    from collections.abc import Iterator


_ROWS: Final = 128  # at once; a dictionary lets each of them hold the same megabyte
_MOST_UNPACKED: Final = 100_000_000  # bytes of a column in a row group, if it is packed more than:
_MOST_PACKED: Final = 200  # times; texts are packed up to 20 times
_MOST_IN_ALL: Final = 2_000_000_000  # bytes of all rows, if they are more than so many times packed
_LONGEST: Final = 200_000_000  # bytes of a row as JSON
_MOST_VALUES: Final = 1_000_000  # of a column in a row group, if these are more for a row than:
_MOST_LISTED: Final = 1000


def parquet_records(path: Path) -> Iterator[NumberedRow]:
    """Yield the rows of a Parquet file.

    Raises BadCatalog if it cannot be read, or unpacks to far more than its size.
    """
    try:
        import pyarrow.parquet as pq
    except ImportError:
        raise BadCatalog(
            f"{path}: reading Parquet needs pyarrow; pip install 'vitrine[parquet]'"
        ) from None
    import pyarrow as pa

    try:
        with pq.ParquetFile(path) as file:
            check_columns(path, file.schema_arrow.names)
            _check_unpacked(path, file.metadata)
    except (pa.ArrowException, OSError) as error:
        raise BadCatalog(f"cannot read {path}: {one_line(error)}") from error
    with written_by(write_records, path) as output:
        for number in count(1):
            line = output.readline(_LONGEST)
            if not line:
                break
            if not line.endswith(b"\n"):  # or the process died within it
                raise BadCatalog(f"cannot read {path}: row {number} is incomplete or too long")
            record, fault = decode_json(line)
            if record is None:
                raise BadCatalog(f"cannot read {path}: {fault}")
            yield f"row {number}", BrokenRow(fault, record) if fault else record


def write_records(path: str, out: IO[bytes]) -> None:
    """Write the rows of a Parquet file to ``out``: a line of JSON each, with its record and fault.

    A line without a record has the reason why the file cannot be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    encoder = msgspec.json.Encoder(decimal_format="number", enc_hook=str)
    most = max(_MOST_IN_ALL, _MOST_PACKED * Path(path).stat().st_size)
    try:
        with pq.ParquetFile(path) as file:
            size = rows = 0
            for batch in file.iter_batches(batch_size=_ROWS):
                for row in _parquet_rows(batch):
                    rows += 1
                    line = (row, "")
                    if isinstance(row, BrokenRow):
                        line = (row.readable, row.reason)
                    size += out.write(encoder.encode(line) + b"\n")
                    if size > most:
                        reason = f"its first {rows:,} rows hold {size:,} bytes; save it as CSV"
                        raise BadCatalog(reason)
            if rows != file.metadata.num_rows:
                raise BadCatalog(f"it holds {rows:,} rows of {file.metadata.num_rows:,}")
    except BrokenPipeError:
        raise
    except (BadCatalog, pa.ArrowException, OSError) as error:
        out.write(encoder.encode((None, one_line(error))) + b"\n")


def _check_unpacked(path: Path, metadata: Any) -> None:
    """Raise BadCatalog if a column is packed as no texts are: 16 kB can hold 500 MB of zeros."""
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        for column in map(group.column, range(group.num_columns)):
            unpacked, packed = column.total_uncompressed_size, column.total_compressed_size
            values = column.num_values
            is_bomb = unpacked > max(_MOST_UNPACKED, _MOST_PACKED * packed)
            if is_bomb or values > max(_MOST_VALUES, _MOST_LISTED * group.num_rows):
                raise BadCatalog(
                    f"{path}: column {column.path_in_schema!r} unpacks to {unpacked:,} bytes and "
                    f"{values:,} values in {group.num_rows:,} rows; save it as CSV"
                )


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
