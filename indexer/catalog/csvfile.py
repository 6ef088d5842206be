"""Read the rows of a CSV file; a broken row never hides the rows after it."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Final

from indexer.catalog.cellkinds import is_picture
from indexer.catalog.columnguesses import unnamed
from indexer.catalog.columnnames import loose_key
from indexer.catalog.csvlines import END_OF_MERCHANDISE, CsvLines, Preamble, read_preamble
from indexer.catalog.encodings import encoding_of, likely_encodings
from indexer.catalog.item_parser import MOST_COLUMNS, BrokenRow, Cells
from indexer.csvrows import MAX_CELL
from indexer.errors import BadCatalog
from indexer.exportcells import EXPORT_MARK
from indexer.formulacell import text_of_cell

if TYPE_CHECKING:
    from pathlib import Path

    from indexer.catalog.item_parser import NumberedRow, Record

_END_OF_RECORD: Final = "<endrecord>"  # of Trovaprezzi, at the end of a line
_LONGEST_MENDED: Final = 100_000  # characters of a line
_NULLS: Final = frozenset({"NULL", "\\N"})  # what databases write in place of no value
_NOTE: Final = "# "  # before the explanations below the header of a template


def csv_records(path: Path, encoding: str | None = None) -> Iterator[NumberedRow]:
    """Yield the rows of a CSV file as {column: cell}, numbered as the lines of a spreadsheet.

    Empty lines, comments (``#``), titles and a line ``sep=;`` may come before the header. The
    delimiter is that of ``sep=``, else the most frequent of comma, semicolon, tab and bar in the
    header, outside of quotes. ``encoding`` is by default that of ``encoding_of``. Columns other
    than ``id`` may be repeated: their cells are ``Cells`` then. In a row with tabs that is not CSV,
    quotes are text. A cell ``="0012"`` is the text in it, and so is ``'=A1``.

    Raise BadCatalog if the file cannot be read, is in another encoding, or has no header.
    """
    csv.field_size_limit(MAX_CELL)
    try:
        with path.open(encoding=encoding or encoding_of(path), newline="") as file:
            preamble = read_preamble(path, file)
            lines = CsvLines(path, file, preamble.read)
            # Strict mode reports a broken quote instead of swallowing rows up to the next quote.
            rows = csv.reader(
                lines, delimiter=preamble.delimiter, strict=True, skipinitialspace=True
            )
            header = _csv_header(path, rows)
            if any(map(is_picture, header)):  # no header, but the first item
                yield f"row {preamble.before + 1}", _record_of(unnamed(header), header, ())
                header = unnamed(header)
            yield from _csv_rows(rows, lines, header, preamble)
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise BadCatalog(
            f"{path} is not {_label(encoding)} (byte 0x{byte:02x}); convert it to UTF-8, or "
            f"name the encoding of a catalog with --encoding, such as {likely_encodings(error)}"
        ) from error
    except (UnicodeError, LookupError) as error:
        raise BadCatalog(
            f"{path}: cannot be read as {_label(encoding)}: {error}", param="encoding"
        ) from error
    except OSError as error:
        raise BadCatalog(f"cannot read {path}: {error.strerror or error}") from error


def _label(encoding: str | None) -> str:
    return encoding or "UTF-8"


def _csv_header(path: Path, rows: Iterator[list[str]]) -> list[str]:
    try:
        header = [
            text_of_cell(name.strip().removesuffix(_END_OF_RECORD)) for name in next(rows, [])
        ]
    except csv.Error as error:
        raise BadCatalog(f"{path}: the header row is not CSV: {error}") from error
    if not any(header):
        raise BadCatalog(f"{path} is empty: expected a header row with the names of columns")
    check_columns(path, header, [name for name in header if loose_key(name) == "id"])
    while not header[-1]:
        header.pop()  # delimiters at the end of the header
    return header


def check_columns(path: Path, columns: list[str], unique: list[str] | None = None) -> None:
    """Raise BadCatalog if there are too many columns, or two of those in ``unique`` share a name.

    One of two would hide the other. By default all columns must be unique.
    """
    if len(columns) > MOST_COLUMNS:
        raise BadCatalog(
            f"{path} has {len(columns):,} columns, at most {MOST_COLUMNS:,} are read; keep those "
            "that describe an item"
        )
    counted = Counter(columns if unique is None else unique)
    repeated = [name for name, count in counted.items() if name and count > 1]
    if repeated:
        raise BadCatalog(f"{path} has two columns {repeated[0]!r}; rename one")


def _csv_rows(
    rows: Iterator[list[str]], lines: CsvLines, header: list[str], preamble: Preamble
) -> Iterator[NumberedRow]:
    number = preamble.before + 1  # the header
    repeated = {name for name, count in Counter(header).items() if name and count > 1}
    while True:
        number += 1
        lines.accept_row()
        try:
            row = next(rows, None)
            number += lines.empty
        except csv.Error as error:
            number += lines.empty
            first = lines.rewind()  # an unclosed quote has consumed the rows after it
            if (plain := _mended(first, preamble.delimiter, len(header))) is not None:
                yield f"row {number}", _record_of(header, plain, repeated)
                continue
            readable = _first_cell(header, first.split(preamble.delimiter)[0])
            yield f"row {number}", BrokenRow(f"not CSV: {error}", readable)
            continue
        if row is None:
            return
        if not any(map(str.strip, row)):
            continue
        if len(row) > len(header) and not any(row[len(header) :]):
            row = row[: len(header)]  # delimiters at the end of the line
        if row[0].startswith(_NOTE) and EXPORT_MARK not in header:
            yield f"row {number}", BrokenRow("a comment, no item", {})
            continue
        if row[0] == END_OF_MERCHANDISE and len(row) == 2:
            return
        if len(row) != len(header):
            reason = f"has {len(row)} fields, the header has {len(header)}"
            yield f"row {number}", BrokenRow(reason, _first_cell(header, row[0]))
            continue
        yield f"row {number}", _record_of(header, row, repeated)


def _record_of(header: list[str], row: list[str], repeated: Collection[str]) -> Record:
    row = [*row[:-1], row[-1].removesuffix(_END_OF_RECORD)]
    nulls = frozenset() if EXPORT_MARK in header else _NULLS
    row = ["" if cell in nulls else text_of_cell(cell) for cell in row]
    record: Record = dict(zip(header, row, strict=True))
    for name in repeated:
        cells = zip(header, row, strict=True)
        record[name] = Cells(cell for column, cell in cells if column == name and cell)
    return record


def _mended(line: str, delimiter: str, fields: int) -> list[str] | None:
    """Return the cells of a line whose quotes are not those of CSV; None without as many cells.

    They are escaped by a backslash, stand in a quoted cell as they are, as in ``"Pan 5" wide"``, or
    are text everywhere, as in many tables with tabs.
    """
    text = line.rstrip("\r\n")
    if len(text) > _LONGEST_MENDED:
        return None
    if delimiter == "\t" and text.count(delimiter) == fields - 1:
        return text.split(delimiter)
    try:
        escaped = csv.reader([text], delimiter=delimiter, escapechar="\\", strict=True)
        cells = next(escaped, [])
    except csv.Error:
        cells = _split(text, delimiter, fields)
    return cells if len(cells) == fields else None


def _split(text: str, delimiter: str, fields: int) -> list[str]:
    """Return the cells of a line, in which a quote is the end of a cell before a delimiter alone.

    Return [] if one has no end, or there are more than ``fields``.
    """
    cells: list[str] = []
    at = 0
    while at <= len(text) and len(cells) <= fields:
        if text.startswith('"', at):
            end = text.find(f'"{delimiter}', at + 1)
            if end < 0:
                end = len(text) - 1
                if end == at or not text.endswith('"'):
                    return []
            cells.append(text[at + 1 : end].replace('""', '"'))
            at = end + 2
        else:
            end = text.find(delimiter, at)
            end = len(text) if end < 0 else end
            cells.append(text[at:end])
            at = end + 1
    return cells


def _first_cell(header: list[str], cell: str) -> Record:
    """Return the first cell of a broken row, the only one that is surely before the fault.

    A cell with a quote may hold the fault itself: then return {}.
    """
    return {} if '"' in cell else {header[0]: cell}
