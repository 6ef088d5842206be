"""Read the rows of a CSV file; a broken row never hides the rows after it."""

from __future__ import annotations

import csv
import re
from collections import Counter, deque
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple, TextIO

from indexer.catalog.columnnames import is_header, loose_key
from indexer.catalog.encodings import encoding_of, likely_encodings
from indexer.catalog.item_parser import BrokenRow, Cells
from indexer.errors import BadCatalog

if TYPE_CHECKING:
    from pathlib import Path

    from indexer.catalog.item_parser import NumberedRow, Record

_MAX_CELL = 1_000_000  # characters; more in one CSV cell is a broken quote, not a description
_MOST_LINES = 50  # of comments before the header
_DELIMITERS: Final = ",;\t|"
_QUOTED: Final = re.compile(r'"(?:[^"]|"")*"?')
_SEPARATOR_LINE: Final = re.compile(r'"?sep=(.)"?[\r\n]*', re.IGNORECASE)
_BLANK: Final = _DELIMITERS + " \"'"  # a line of these alone is empty
_ID_COLUMNS: Final = frozenset({"id", '"id"', "sku", '"sku"'})  # a header of one column
_COMMENTS: Final = ("#", "//")
_NOTE: Final = "# "  # before the explanations below the header of a template
_MOST_TITLES: Final = 10  # rows of a title before the header
_TEMPLATE: Final = "TemplateType="  # of Amazon: a row of labels follows, then the header
_EXCEL_MARKS: Final = ('="', "'")
_EXCEL_TEXT: Final = re.compile(r'="(.*)"|\'([-+]?\d[\d.,]*)', re.DOTALL)


def csv_records(path: Path, encoding: str | None = None) -> Iterator[NumberedRow]:
    """Yield the rows of a CSV file as {column: cell}, numbered as the lines of a spreadsheet.

    Empty lines, comments (``#``), titles and a line ``sep=;`` may come before the header. The
    delimiter is that of ``sep=``, else the most frequent of comma, semicolon, tab and bar in the
    header, outside of quotes. ``encoding`` is by default that of ``encoding_of``. Columns other
    than ``id`` may be repeated: their cells are ``Cells`` then. In a row with tabs that is not CSV,
    quotes are text. A cell ``="0012"`` is the text in it.

    Raise BadCatalog if the file cannot be read, is in another encoding, or has no header.
    """
    csv.field_size_limit(_MAX_CELL)
    try:
        with path.open(encoding=encoding or encoding_of(path), newline="") as file:
            preamble = _read_preamble(file)
            lines = _Lines(file, preamble.read)
            # Strict mode reports a broken quote instead of swallowing rows up to the next quote.
            rows = csv.reader(lines, delimiter=preamble.delimiter, strict=True)
            header = _csv_header(path, rows)
            yield from _csv_rows(rows, lines, header, preamble)
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise BadCatalog(
            f"{path} is not {_label(encoding)} (byte 0x{byte:02x}); name its encoding with "
            f"--encoding, such as {likely_encodings(error)}, or convert it"
        ) from error
    except (UnicodeError, LookupError) as error:
        raise BadCatalog(
            f"{path}: cannot be read as {_label(encoding)}: {error}", param="encoding"
        ) from error
    except OSError as error:
        raise BadCatalog(f"cannot read {path}: {error.strerror or error}") from error


def _label(encoding: str | None) -> str:
    return encoding or "UTF-8"


class _Preamble(NamedTuple):
    """The lines from the header on that were read, the number of lines before, the delimiter."""

    read: list[str]
    before: int
    delimiter: str


def _read_preamble(file: TextIO) -> _Preamble:
    """Read up to the first line of the header.

    Before it may be empty lines, comments, ``sep=``, and titles: lines without delimiters, and
    lines of several cells if the first names of columns come after them.
    """
    delimiter = ""
    title = ""
    for number in range(_MOST_LINES):
        line = file.readline(_MAX_CELL).removeprefix("\ufeff")
        text = line.strip("\r\n")
        if not line:
            break
        if text.startswith(_TEMPLATE) and "\t" in text:
            file.readline(_MAX_CELL)
            return _Preamble([file.readline(_MAX_CELL)], number + 2, "\t")
        if separator := _SEPARATOR_LINE.fullmatch(text):
            delimiter = separator[1]
        elif text.strip(_BLANK) and not text.startswith(_COMMENTS):
            found = delimiter or _delimiter_of(text)
            words = text.strip(_DELIMITERS + " ")
            if not title and not _delimiter_of(words) and words.casefold() not in _ID_COLUMNS:
                title = line
                continue
            if title and not found:
                return _Preamble([title, line], number - 1, ",")
            return _without_titles(file, line, number, found or ",")
    return _Preamble([title] if title else [], 0, delimiter or ",")


def _without_titles(file: TextIO, line: str, before: int, delimiter: str) -> _Preamble:
    """Return the header from this line on: the first with names of columns, else this line."""
    lines = [line]
    for at in range(_MOST_TITLES):
        if at == len(lines):
            if is_header(_split(lines[0], delimiter)) or not (more := file.readline(_MAX_CELL)):
                break
            lines.append(more)
        own = delimiter if at == 0 else _delimiter_of(lines[at].strip("\r\n")) or delimiter
        if is_header(_split(lines[at], own)):
            return _Preamble(lines[at:], before + at, own)
    return _Preamble(lines, before, delimiter)


def _split(line: str, delimiter: str) -> list[str]:
    return [cell.strip(' "') for cell in line.strip("\r\n").split(delimiter)]


def _delimiter_of(line: str) -> str:
    """Return the most frequent delimiter outside of quotes, or "" if there is none."""
    outside = _QUOTED.sub("", line)
    found = max(_DELIMITERS, key=outside.count)
    return found if found in outside else ""


class _Lines:
    """The lines of a file; lines of a broken row can be read again."""

    def __init__(self, file: TextIO, read: Sequence[str]) -> None:
        """``read`` are the lines that have been read already."""
        self._file = file
        self._pending: deque[str] = deque(read)
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
    check_unique_columns(path, [name for name in header if loose_key(name) == "id"])
    while not header[-1]:
        header.pop()  # delimiters at the end of the header
    return header


def check_unique_columns(path: Path, columns: list[str]) -> None:
    """Raise BadCatalog if two columns share a name: one would hide the other."""
    repeated = [name for name, count in Counter(columns).items() if name and count > 1]
    if repeated:
        raise BadCatalog(f"{path} has two columns {repeated[0]!r}; rename one")


def _csv_rows(
    rows: Iterator[list[str]], lines: _Lines, header: list[str], preamble: _Preamble
) -> Iterator[NumberedRow]:
    number = preamble.before + 1  # the header
    repeated = {name for name, count in Counter(header).items() if name and count > 1}
    while True:
        number += 1
        lines.accept_row()
        try:
            row = next(rows, None)
        except csv.Error as error:
            first = lines.rewind()  # an unclosed quote has consumed the rows after it
            if (plain := _unquoted(first, preamble.delimiter, len(header))) is not None:
                yield f"row {number}", _record_of(header, plain, repeated)
                continue
            readable = _first_cell(header, first.split(preamble.delimiter)[0])
            yield f"row {number}", BrokenRow(f"not CSV: {error}", readable)
            continue
        if row is None:
            return
        if not any(row):
            continue
        if len(row) > len(header) and not any(row[len(header) :]):
            row = row[: len(header)]  # delimiters at the end of the line
        if row[0].startswith(_NOTE):
            yield f"row {number}", BrokenRow("a comment, no item", {})
            continue
        if len(row) != len(header):
            reason = f"has {len(row)} fields, the header has {len(header)}"
            yield f"row {number}", BrokenRow(reason, _first_cell(header, row[0]))
            continue
        yield f"row {number}", _record_of(header, row, repeated)


def _record_of(header: list[str], row: list[str], repeated: Collection[str]) -> Record:
    for at, cell in enumerate(row):
        if cell.startswith(_EXCEL_MARKS) and (match := _EXCEL_TEXT.fullmatch(cell)):
            row[at] = match[1] or match[2] or ""
    record: Record = dict(zip(header, row, strict=True))
    for name in repeated:
        cells = zip(header, row, strict=True)
        record[name] = Cells(cell for column, cell in cells if column == name and cell)
    return record


def _unquoted(line: str, delimiter: str, fields: int) -> list[str] | None:
    """Return the cells of a line whose quotes are text, as in many tables with tabs.

    None if it does not have as many cells as the header, or is separated by something else.
    """
    cells = line.rstrip("\r\n").split(delimiter)
    return cells if delimiter == "\t" and len(cells) == fields else None


def _first_cell(header: list[str], cell: str) -> Record:
    """Return the first cell of a broken row, the only one that is surely before the fault.

    A cell with a quote may hold the fault itself: then return {}.
    """
    return {} if '"' in cell else {header[0]: cell}
