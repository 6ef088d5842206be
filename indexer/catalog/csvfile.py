"""Rows of a CSV file: one that is broken costs itself, and none after it."""

from __future__ import annotations

import csv
from collections import Counter, deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO

from indexer.catalog.item_parser import Broken
from indexer.errors import BadCatalog

if TYPE_CHECKING:
    from pathlib import Path

    from indexer.catalog.item_parser import Numbered, Record

_MAX_CELL = 1_000_000  # characters; more in one CSV cell is a broken quote, not a description


def csv_records(path: Path) -> Iterator[Numbered]:
    """The rows of a CSV file by their columns, numbered as a spreadsheet does; the header is row 1.

    Cells are separated by what the header holds most of: comma, semicolon, tab or bar. BadCatalog
    when the file cannot be read, is no UTF-8, or has no header.
    """
    csv.field_size_limit(_MAX_CELL)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first_line = file.readline()
            file.seek(0)
            delimiter = max(",;\t|", key=first_line.count)  # "," when none occurs
            lines = _Lines(file)
            # Strict: a broken quote is told; else it would swallow the rows up to the next one.
            rows = csv.reader(lines, delimiter=delimiter, strict=True)
            yield from _csv_rows(rows, lines, _csv_header(path, rows), delimiter)
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

    def give_back(self) -> str:
        """All lines since the last good row but the first come again; that one is returned."""
        first = self._taken[0] if self._taken else ""
        self._again.extendleft(reversed(self._taken[1:]))
        self._taken.clear()
        return first


def _csv_header(path: Path, rows: Iterator[list[str]]) -> list[str]:
    try:
        header = [name.strip() for name in next(rows, [])]
    except csv.Error as error:
        raise BadCatalog(f"{path}: the header row is not CSV: {error}") from error
    if not any(header):
        raise BadCatalog(f"{path} is empty: expected a header row with at least 'id'")
    check_twice(path, header)
    return header


def check_twice(path: Path, columns: list[str]) -> None:
    """BadCatalog when a table has two columns of one name: one would hide the other."""
    twice = [name for name, count in Counter(columns).items() if name and count > 1]
    if twice:
        raise BadCatalog(f"{path} has two columns {twice[0]!r}; rename one")


def _csv_rows(
    rows: Iterator[list[str]], lines: _Lines, header: list[str], delimiter: str
) -> Iterator[Numbered]:
    number = 1  # the header is row 1, as a spreadsheet counts
    while True:
        number += 1
        lines.row_is_good()
        try:
            row = next(rows, None)
        except csv.Error as error:
            first = lines.give_back()  # a quote that never closes took the rows after it along
            left = _first_cell(header, first.split(delimiter)[0])
            yield f"row {number}", Broken(f"not CSV: {error}", left)
            continue
        if row is None:
            return
        if not any(row):
            continue
        if len(row) != len(header):
            reason = f"has {len(row)} fields, the header has {len(header)}"
            yield f"row {number}", Broken(reason, _first_cell(header, row[0]))
            continue
        yield f"row {number}", dict(zip(header, row, strict=True))


def _first_cell(header: list[str], cell: str) -> Record:
    """All that is known of a broken row: where its fault is nobody knows, but not before this."""
    return {} if '"' in cell else {header[0]: cell}
