"""Read the rows of a CSV file; a broken row never hides the rows after it."""

from __future__ import annotations

import csv
from collections import Counter, deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO

from indexer.catalog.item_parser import BrokenRow
from indexer.errors import BadCatalog

if TYPE_CHECKING:
    from pathlib import Path

    from indexer.catalog.item_parser import NumberedRow, Record

_MAX_CELL = 1_000_000  # characters; more in one CSV cell is a broken quote, not a description


def csv_records(path: Path) -> Iterator[NumberedRow]:
    """Yield the rows of a CSV file as {column: cell}, numbered as a spreadsheet: header is row 1.

    The delimiter is the most frequent of comma, semicolon, tab and bar in the header. Raise
    BadCatalog if the file cannot be read, is not UTF-8, or has no header.
    """
    csv.field_size_limit(_MAX_CELL)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first_line = file.readline()
            file.seek(0)
            delimiter = max(",;\t|", key=first_line.count)  # "," when none occurs
            lines = _Lines(file)
            # Strict mode reports a broken quote instead of swallowing rows up to the next quote.
            rows = csv.reader(lines, delimiter=delimiter, strict=True)
            yield from _csv_rows(rows, lines, _csv_header(path, rows), delimiter)
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise BadCatalog(f"{path} is not UTF-8 (byte 0x{byte:02x}); convert it first") from error
    except OSError as error:
        raise BadCatalog(f"cannot read {path}: {error.strerror or error}") from error


class _Lines:
    """The lines of a file; lines of a broken row can be read again."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._pending: deque[str] = deque()
        self._read_lines: list[str] = []

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._pending.popleft() if self._pending else next(self._file)
        self._read_lines.append(line)
        return line

    def accept_row(self) -> None:
        """Forget the lines read so far: their row is complete."""
        self._read_lines.clear()

    def rewind(self) -> str:
        """Return the first line since the last good row; all lines after it are read again."""
        first = self._read_lines[0] if self._read_lines else ""
        self._pending.extendleft(reversed(self._read_lines[1:]))
        self._read_lines.clear()
        return first


def _csv_header(path: Path, rows: Iterator[list[str]]) -> list[str]:
    try:
        header = [name.strip() for name in next(rows, [])]
    except csv.Error as error:
        raise BadCatalog(f"{path}: the header row is not CSV: {error}") from error
    if not any(header):
        raise BadCatalog(f"{path} is empty: expected a header row with at least 'id'")
    check_unique_columns(path, header)
    return header


def check_unique_columns(path: Path, columns: list[str]) -> None:
    """Raise BadCatalog if two columns share a name: one would hide the other."""
    repeated = [name for name, count in Counter(columns).items() if name and count > 1]
    if repeated:
        raise BadCatalog(f"{path} has two columns {repeated[0]!r}; rename one")


def _csv_rows(
    rows: Iterator[list[str]], lines: _Lines, header: list[str], delimiter: str
) -> Iterator[NumberedRow]:
    number = 1  # the header
    while True:
        number += 1
        lines.accept_row()
        try:
            row = next(rows, None)
        except csv.Error as error:
            first = lines.rewind()  # an unclosed quote has consumed the rows after it
            readable = _first_cell(header, first.split(delimiter)[0])
            yield f"row {number}", BrokenRow(f"not CSV: {error}", readable)
            continue
        if row is None:
            return
        if not any(row):
            continue
        if len(row) != len(header):
            reason = f"has {len(row)} fields, the header has {len(header)}"
            yield f"row {number}", BrokenRow(reason, _first_cell(header, row[0]))
            continue
        yield f"row {number}", dict(zip(header, row, strict=True))


def _first_cell(header: list[str], cell: str) -> Record:
    """Return the first cell of a broken row, the only one that is surely before the fault.

    A cell with a quote may hold the fault itself: then return {}.
    """
    return {} if '"' in cell else {header[0]: cell}
