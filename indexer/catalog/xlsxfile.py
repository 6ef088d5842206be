"""Read the rows of a spreadsheet: the sheet of products, by the names of its columns."""

from __future__ import annotations

import datetime
import zipfile
from itertools import chain, count, islice
from typing import TYPE_CHECKING, Any, TypeAlias

from indexer.catalog.columnnames import is_header
from indexer.catalog.csvfile import check_unique_columns
from indexer.errors import BadCatalog

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from indexer.catalog.item_parser import NumberedRow

_LARGEST = 2_000_000_000  # bytes of an unpacked file; a spreadsheet has at most a million rows

_Row: TypeAlias = tuple[int, list[Any]]
"""The number of a row in its sheet, and its cells."""
_MOST_TITLES = 20  # rows before the header


def xlsx_records(path: Path) -> Iterator[NumberedRow]:
    """Yield the rows of an XLSX, XLS or ODS file as {column: cell}, numbered as in the sheet.

    It is the first sheet with names of columns, else the first with a header and rows. Empty rows
    and titles before the header are passed over. Raise BadCatalog if the file cannot be read, or
    no sheet has a header.
    """
    try:
        from python_calamine import CalamineError, CalamineWorkbook
    except ImportError:
        raise BadCatalog(
            f"{path}: reading spreadsheets needs python-calamine; pip install 'vitrine[xlsx]'"
        ) from None
    _check_size(path)
    try:
        workbook = CalamineWorkbook.from_path(path)
        chosen: tuple[list[_Row], int, Iterator[_Row]] | None = None
        for name in workbook.sheet_names:
            sheet = workbook.get_sheet_by_name(name)
            numbers = count(1 + (sheet.start or (0, 0))[0])
            rows: Iterator[_Row] = zip(numbers, sheet.iter_rows(), strict=False)
            first = list(islice(rows, _MOST_TITLES))
            place, is_known = _header_place(first)
            has_rows = place >= 0 and (place + 1 < len(first) or len(first) == _MOST_TITLES)
            if has_rows and (is_known or chosen is None):
                chosen = first, place, rows
            if has_rows and is_known:
                break
        if chosen is not None:
            first, place, rows = chosen
            header = [str(_cell(cell)).strip() for cell in first[place][1]]
            check_unique_columns(path, header)
            yield from _rows(chain(first[place + 1 :], rows), header)
            return
    except (CalamineError, OSError, ValueError) as error:
        raise BadCatalog(f"cannot read {path}: {' '.join(str(error).split())[:200]}") from error
    raise BadCatalog(f"{path} is empty: expected a header row with at least 'id'")


def _check_size(path: Path) -> None:
    """Raise BadCatalog for a file that unpacks to more memory than a catalog needs."""
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, OSError, NotImplementedError, ValueError):
        return  # an older format, or broken: the reader will report it
    if size > _LARGEST:
        raise BadCatalog(f"{path} unpacks to {size} bytes, more than {_LARGEST}; save it as CSV")


def _header_place(rows: list[_Row]) -> tuple[int, bool]:
    """Return the place of the header, and True if it has names of columns; -1 if there is none.

    Without such a row it is the first row of several cells.
    """
    found = -1
    for place, (_, row) in enumerate(rows):
        filled = [cell for cell in map(_cell, row) if cell != ""]
        if is_header(filled):
            return place, True
        if found < 0 and (len(filled) > 1 or (filled and len(row) == 1)):
            found = place
    return found, False


def _rows(rows: Iterator[_Row], header: list[str]) -> Iterator[NumberedRow]:
    for number, row in rows:
        cells = [_cell(cell) for cell in row]
        if any(cell != "" for cell in cells):
            cells += [""] * (len(header) - len(cells))
            named = zip(header, cells, strict=False)
            yield f"row {number}", {name: cell for name, cell in named if name}


def _cell(value: Any) -> Any:
    """Return a cell as text, number or boolean; a whole number without ``.0``."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return str(value)
    return value
