"""Read the rows of a spreadsheet: the first sheet that has a header and rows."""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import zipfile
from typing import TYPE_CHECKING

from indexer.catalog.csvfile import check_unique_columns
from indexer.catalog.xlsxprocess import sheet_rows
from indexer.errors import BadCatalog

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from indexer.catalog.item_parser import NumberedRow
    from indexer.catalog.xlsxprocess import SheetRow

_LARGEST = 2_000_000_000  # bytes of an unpacked file; a spreadsheet has at most a million rows


def xlsx_records(path: Path) -> Iterator[NumberedRow]:
    """Yield the rows of an XLSX, XLS or ODS file as {column: cell}, numbered as in the sheet.

    Empty rows and rows of a single cell before the header are passed over. Raise BadCatalog if
    the file cannot be read, or no sheet has a header.
    """
    if importlib.util.find_spec("python_calamine") is None:
        raise BadCatalog(
            f"{path}: reading spreadsheets needs python-calamine; pip install 'vitrine[xlsx]'"
        )
    _check_size(path)
    with contextlib.closing(sheet_rows(path)) as all_rows:
        for _, of_sheet in itertools.groupby(all_rows, key=lambda row: row.sheet):
            rows = iter(of_sheet)
            header = _header(path, rows)
            if header:
                yield from _rows(rows, header)
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


def _header(path: Path, rows: Iterator[SheetRow]) -> list[str]:
    for row in rows:
        filled = [cell for cell in row.cells if cell != ""]
        if len(filled) > 1 or (filled and len(row.cells) == 1):
            header = [str(cell).strip() for cell in row.cells]
            check_unique_columns(path, header)
            return header
    return []


def _rows(rows: Iterator[SheetRow], header: list[str]) -> Iterator[NumberedRow]:
    for row in rows:
        cells = row.cells + [""] * (len(header) - len(row.cells))
        named = zip(header, cells, strict=False)
        yield f"row {row.number}", {name: cell for name, cell in named if name}
