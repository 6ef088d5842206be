"""Find the reader of a file of records by its ending, whatever the records describe."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from indexer.catalog.csvfile import csv_records
from indexer.catalog.htmlfile import html_records
from indexer.catalog.jsonfile import json_document, json_lines
from indexer.catalog.parquetfile import parquet_records
from indexer.catalog.xlsxfile import xlsx_records
from indexer.catalog.xmlfile import xml_records
from indexer.errors import BadCatalog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from indexer.catalog.item_parser import NumberedRow

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
    return kind or _ENDINGS.get(path.suffix.lower())


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
    if found is None:
        raise BadCatalog(
            f"{path}: {kinds} a file ending in {', '.join(_ENDINGS)}; got {suffix or 'no ending'!r}"
        )
    if encoding is not None and found != "csv":
        raise BadCatalog(f"{path}: --encoding is for CSV files, not {found}", param="encoding")
    readers: dict[str, Callable[[Path], Iterator[NumberedRow]]] = {
        "csv": partial(csv_records, encoding=encoding),
        "jsonl": json_lines,
        "json": json_document,
        "parquet": parquet_records,
        "xlsx": xlsx_records,
        "xml": xml_records,
        "html": html_records,
    }
    return readers[found]
