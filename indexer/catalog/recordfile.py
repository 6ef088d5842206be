"""Find the reader of a file of records by its ending, whatever the records describe."""

from __future__ import annotations

import codecs
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Final

from indexer.catalog.csvfile import csv_records
from indexer.catalog.htmlfile import html_records
from indexer.catalog.item_parser import MOST_COLUMNS, BrokenRow
from indexer.catalog.jsonfile import json_document, json_lines
from indexer.catalog.markuptables import html_table_rows
from indexer.catalog.parquetfile import parquet_records
from indexer.catalog.programs.sanity import sanity_rows
from indexer.catalog.xlsxfile import table_records, xlsx_records
from indexer.catalog.xmlfile import xml_records
from indexer.errors import BadCatalog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from indexer.catalog.item_parser import NumberedRow, Record

_START: Final = 4096  # bytes that show what a file is
_READ_FIELDS: Final = 100  # of a record that is too wide: its id is usually among them
MOST_SKIPPED: Final = 100_000  # rows, if they are more than those that are read
_LONGEST_NAME: Final = 1000  # characters of the name of a column
_MOST_LEVELS: Final = 50  # of objects and lists in a record; feeds of shops have under 20
_IMPEX: Final = ".impex"
_ENDINGS: Final = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".jsonld": "json",
    ".parquet": "parquet",
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
    ".xlsb": "xlsx",
    ".xls": "xlsx",
    ".ods": "xlsx",
    ".xml": "xml",
    ".rss": "xml",
    ".atom": "xml",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
}


def check_mapping(mapping: Iterable[str], fields: Sequence[str]) -> None:
    """Raise BadCatalog if a mapping (the option ``--map``) has a field that is none of these."""
    unknown = sorted(set(mapping) - set(fields))
    if unknown:
        raise BadCatalog(
            f"--map names the unknown field {unknown[0]!r}; fields are {', '.join(fields)}",
            param="map",
        )


def kind_of(path: Path, kind: str | None = None) -> str | None:
    """Return the kind of a file of records, by ``kind`` or else its ending; None if it is none."""
    found = kind or _ENDINGS.get(path.suffix.lower())
    return _kind_within(path) if found == "xlsx" and kind is None else found


def _kind_within(path: Path) -> str:
    """Return the kind of a file with the ending of a spreadsheet: some are HTML, XML or a table."""
    try:
        with path.open("rb") as file:
            start = file.read(_START)
    except OSError:
        return "xlsx"  # its reader reports the error
    text = start.removeprefix(codecs.BOM_UTF8).lstrip()
    if text.startswith(b"<"):
        return "xml" if b"office:spreadsheet" in text and b"<html" not in text.lower() else "html"
    is_text = b"\t" in text.partition(b"\n")[0] and b"\0" not in text
    return "csv" if is_text and path.suffix.lower() == ".xls" else "xlsx"


def ends_line(path: Path, kind: str | None = None) -> bool | None:
    """Return whether the last line of a CSV file or of JSON lines has its end; None for others.

    A file that was cut inside its last cell has none, but nor have those of some programs.
    """
    if kind_of(path, kind) not in ("csv", "jsonl"):
        return None
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 2))
            return file.read().endswith((b"\n", b"\r", b"\n\0", b"\r\0"))  # UTF-16 too
    except OSError as error:
        raise BadCatalog(f"cannot read {path}: {error.strerror or error}") from error


def record_reader(
    path: Path, kinds: str, *, kind: str | None = None, encoding: str | None = None
) -> Callable[[Path], Iterator[NumberedRow]]:
    """Return the function that reads the records of a file, by ``kind`` or else its ending.

    ``encoding`` is that of a CSV file. Raises BadCatalog for another ending, and for what is not a
    file: a pipe may never answer, and a device never end. ``kinds`` begins the sentence that lists
    the known endings.
    """
    if path.exists() and not path.is_file():
        raise BadCatalog(f"{path} is a pipe, a device or a folder; expected a file")
    suffix = path.suffix.lower()
    found = kind_of(path, kind)
    if suffix == _IMPEX:
        found = "csv"  # whose reader names the way out
    if found is None:
        raise BadCatalog(
            f"{path}: {kinds} a file ending in {', '.join(_ENDINGS)}; got {suffix or 'no ending'!r}"
        )
    if encoding is not None and found != "csv":
        raise BadCatalog(f"{path}: --encoding is for CSV files, not {found}", param="encoding")
    readers: dict[str, Callable[[Path], Iterator[NumberedRow]]] = {
        "csv": partial(csv_records, encoding=encoding),
        "jsonl": sanity_rows(json_lines),
        "json": json_document,
        "parquet": parquet_records,
        "xlsx": xlsx_records,
        "xml": xml_records,
        "html": _html_records,
    }
    read = readers[found]
    return lambda path: _bounded(path, read(path))


def _html_records(path: Path) -> Iterator[NumberedRow]:
    """Yield the products that a page states, or else the rows of its table."""
    has_products = False
    for row in html_records(path):
        has_products = True
        yield row
    if has_products:
        return
    if next(html_table_rows(path), None) is None:
        raise BadCatalog(
            f"{path}: expected products as JSON-LD or microdata, or a table; the page has none"
        )
    yield from table_records(path, html_table_rows)


def check_skipped(path: Path, skipped: int, read: int, where: str, reason: str) -> None:
    """Raise BadCatalog if very many rows were skipped, and more than were read.

    The reports of skipped rows are held in memory. ``where`` and ``reason`` are of the last one.
    """
    if skipped > max(MOST_SKIPPED, read):
        raise BadCatalog(
            f"{path}: {skipped:,} rows cannot be read and {read:,} can; {where}: {reason}. Is it "
            "the right file, and --format?"
        )


def _bounded(path: Path, rows: Iterator[NumberedRow]) -> Iterator[NumberedRow]:
    """Yield the rows, with a BrokenRow in place of a record that no catalog has.

    Such a record has too many fields or levels, or a name that is another file in a cell. Raises
    BadCatalog as ``check_skipped`` does.
    """
    broken = 0
    for number, (where, record) in enumerate(rows, start=1):
        if isinstance(record, BrokenRow):
            broken += 1
            check_skipped(path, broken, number - broken, where, record.reason)
        if isinstance(record, dict) and _repeats_header(record):
            yield where, BrokenRow("repeats the header, no item", {})
        elif isinstance(record, dict) and len(record) > MOST_COLUMNS:
            reason = f"has {len(record):,} fields, at most {MOST_COLUMNS:,} are read"
            yield where, BrokenRow(reason, dict(islice(record.items(), _READ_FIELDS)))
        elif isinstance(record, dict) and max(map(len, record), default=0) > _LONGEST_NAME:
            reason = f"has a field whose name has more than {_LONGEST_NAME} characters"
            readable = {name: record[name] for name in record if len(name) <= _LONGEST_NAME}
            yield where, BrokenRow(reason, readable)
        elif isinstance(record, dict) and (deep := _too_deep(record)):
            reason = f"{deep[0]!r} is nested in more than {_MOST_LEVELS} levels"
            readable = {name: value for name, value in record.items() if name not in deep}
            yield where, BrokenRow(reason, readable)
        else:
            yield where, record


def _repeats_header(record: Record) -> bool:
    """Return True if the cells of a row are the names of its columns, as on each printed page."""
    cells = ((name, cell) for name, cell in record.items() if name or cell)
    return len(record) > 1 and all(name == cell for name, cell in cells)


def _too_deep(record: Record) -> list[str]:
    """Return the fields whose objects and lists have more levels than their readers descend."""
    nested = [(name, value) for name, value in record.items() if isinstance(value, dict | list)]
    for _ in range(_MOST_LEVELS):
        if not nested:
            break
        nested = [
            (name, inner)
            for name, value in nested
            for inner in (value.values() if isinstance(value, dict) else value)
            if isinstance(inner, dict | list)
        ]
    return list(dict.fromkeys(name for name, _ in nested))
