"""Read the rows of a CSV file; a broken row never hides the rows after it."""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter, deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, NamedTuple, TextIO

from indexer.catalog.item_parser import BrokenRow
from indexer.errors import BadCatalog

if TYPE_CHECKING:
    from pathlib import Path

    from indexer.catalog.item_parser import NumberedRow, Record

_MAX_CELL = 1_000_000  # characters; more in one CSV cell is a broken quote, not a description
_MOST_LINES = 50  # of comments before the header
_DELIMITERS: Final = ",;\t|"
_QUOTED: Final = re.compile(r'"(?:[^"]|"")*"?')
_SEPARATOR_LINE: Final = re.compile(r'"?sep=(.)"?[\r\n]*', re.IGNORECASE)
_COMMENTS: Final = ("#", "//")
_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Columns that may be repeated: each cell adds to a list.
_LIST_COLUMN: Final = re.compile(r"image|picture|photo|categor|product.?type", re.IGNORECASE)


def csv_records(path: Path, encoding: str | None = None) -> Iterator[NumberedRow]:
    """Yield the rows of a CSV file as {column: cell}, numbered as the lines of a spreadsheet.

    Empty lines, comments (``#``) and a line ``sep=;`` may come before the header. The delimiter is
    that of ``sep=``, else the most frequent of comma, semicolon, tab and bar in the header, outside
    of quotes. ``encoding`` is UTF-8 by default, or UTF-16 or UTF-32 if the file begins with its
    mark. Columns of images and categories may be repeated: their cells are a list then.

    Raise BadCatalog if the file cannot be read, is in another encoding, or has no header.
    """
    csv.field_size_limit(_MAX_CELL)
    try:
        with path.open(encoding=encoding or _encoding_of(path), newline="") as file:
            preamble = _read_preamble(file)
            lines = _Lines(file, preamble.header)
            # Strict mode reports a broken quote instead of swallowing rows up to the next quote.
            rows = csv.reader(lines, delimiter=preamble.delimiter, strict=True)
            header = _csv_header(path, rows)
            yield from _csv_rows(rows, lines, header, preamble)
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise BadCatalog(
            f"{path} is not {_label(encoding)} (byte 0x{byte:02x}); name its encoding with "
            "--encoding, such as cp1252, or convert it"
        ) from error
    except (UnicodeError, LookupError) as error:
        raise BadCatalog(
            f"{path}: cannot be read as {_label(encoding)}: {error}", param="encoding"
        ) from error
    except OSError as error:
        raise BadCatalog(f"cannot read {path}: {error.strerror or error}") from error


def _label(encoding: str | None) -> str:
    return encoding or "UTF-8"


def _encoding_of(path: Path) -> str:
    """Return the encoding that the mark at the start of a file names, else UTF-8."""
    with path.open("rb") as file:
        start = file.read(4)
    return next((name for mark, name in _MARKS if start.startswith(mark)), "utf-8-sig")


class _Preamble(NamedTuple):
    """The first line of the header, the number of lines before it, and the delimiter."""

    header: str
    lines: int
    delimiter: str


def _read_preamble(file: TextIO) -> _Preamble:
    """Read up to the first line of the header."""
    delimiter = ""
    for number in range(_MOST_LINES):
        line = file.readline(_MAX_CELL)
        text = line.strip("\r\n\ufeff")
        separator = _SEPARATOR_LINE.fullmatch(text)
        if separator:
            delimiter = separator[1]
            continue
        if not line:
            break
        if not text.strip() or text.startswith(_COMMENTS):
            continue
        if not delimiter:
            outside = _QUOTED.sub("", text)
            delimiter = max(_DELIMITERS, key=outside.count)  # "," when none occurs
        return _Preamble(line.removeprefix("\ufeff"), number, delimiter)
    return _Preamble("", 0, delimiter or ",")


class _Lines:
    """The lines of a file; lines of a broken row can be read again."""

    def __init__(self, file: TextIO, first: str) -> None:
        """``first`` has been read already."""
        self._file = file
        self._pending: deque[str] = deque([first] if first else [])
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
    check_unique_columns(path, [name for name in header if not _LIST_COLUMN.search(name)])
    return header


def check_unique_columns(path: Path, columns: list[str]) -> None:
    """Raise BadCatalog if two columns share a name: one would hide the other."""
    repeated = [name for name, count in Counter(columns).items() if name and count > 1]
    if repeated:
        raise BadCatalog(f"{path} has two columns {repeated[0]!r}; rename one")


def _csv_rows(
    rows: Iterator[list[str]], lines: _Lines, header: list[str], preamble: _Preamble
) -> Iterator[NumberedRow]:
    number = preamble.lines + 1  # the header
    repeated = {name for name, count in Counter(header).items() if name and count > 1}
    while True:
        number += 1
        lines.accept_row()
        try:
            row = next(rows, None)
        except csv.Error as error:
            first = lines.rewind()  # an unclosed quote has consumed the rows after it
            readable = _first_cell(header, first.split(preamble.delimiter)[0])
            yield f"row {number}", BrokenRow(f"not CSV: {error}", readable)
            continue
        if row is None:
            return
        if not any(row):
            continue
        if len(row) > len(header) and not any(row[len(header) :]):
            row = row[: len(header)]  # delimiters at the end of the line
        if len(row) != len(header):
            reason = f"has {len(row)} fields, the header has {len(header)}"
            yield f"row {number}", BrokenRow(reason, _first_cell(header, row[0]))
            continue
        record: Record = dict(zip(header, row, strict=True))
        for name in repeated:
            record[name] = [
                cell for column, cell in zip(header, row, strict=True) if column == name and cell
            ]
        yield f"row {number}", record


def _first_cell(header: list[str], cell: str) -> Record:
    """Return the first cell of a broken row, the only one that is surely before the fault.

    A cell with a quote may hold the fault itself: then return {}.
    """
    return {} if '"' in cell else {header[0]: cell}
