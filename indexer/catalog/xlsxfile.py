"""Read the rows of a spreadsheet: the first sheet that has a header and rows."""

from __future__ import annotations

import contextlib
import importlib.util
import zipfile
from itertools import chain, groupby, islice
from typing import TYPE_CHECKING

from indexer.catalog.columnnames import is_header
from indexer.catalog.csvfile import check_unique_columns
from indexer.catalog.xlsxprocess import sheet_rows
from indexer.errors import BadCatalog

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from indexer.catalog.item_parser import NumberedRow
    from indexer.catalog.xlsxprocess import SheetRow

_LARGEST = 2_000_000_000  # bytes of an unpacked file; a spreadsheet has at most a million rows

_MOST_TITLES = 20  # rows before the header


def xlsx_records(path: Path) -> Iterator[NumberedRow]:
    """Yield the rows of an XLSX, XLS or ODS file as {column: cell}, numbered as in the sheet.

    Empty rows and titles before the header are passed over, and so are sheets without rows.
    Raise BadCatalog if the file cannot be read, or no sheet has a header.
    """
    if importlib.util.find_spec("python_calamine") is None:
        raise BadCatalog(
            f"{path}: reading spreadsheets needs python-calamine; pip install 'vitrine[xlsx]'"
        )
    _check_size(path)
    with contextlib.closing(sheet_rows(path)) as all_rows:
        for _, of_sheet in groupby(all_rows, key=lambda row: row.sheet):
            rows = iter(of_sheet)
            first = list(islice(rows, _MOST_TITLES))
            header, below = _header(path, first)
            if header and (below < len(first) or len(first) == _MOST_TITLES):
                yield from _rows(chain(first[below:], rows), header)
                return
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


def _header(path: Path, rows: list[SheetRow]) -> tuple[list[str], int]:
    """Return the header and the place of the first row below it; ([], 0) if there is none.

    It is the first row of names of columns, else the first row of several cells.
    """
    found = -1
    for place, row in enumerate(rows):
        filled = [cell for cell in row.cells if cell != ""]
        if is_header(filled):
            found = place
            break
        if found < 0 and (len(filled) > 1 or (filled and len(row.cells) == 1)):
            found = place
    if found < 0:
        return [], 0
    header = [str(cell).strip() for cell in rows[found].cells]
    check_unique_columns(path, header)
    return header, found + 1


def _rows(rows: Iterator[SheetRow], header: list[str]) -> Iterator[NumberedRow]:
    for row in rows:
        cells = row.cells + [""] * (len(header) - len(row.cells))
        named = zip(header, cells, strict=False)
        yield f"row {row.number}", {name: cell for name, cell in named if name}
