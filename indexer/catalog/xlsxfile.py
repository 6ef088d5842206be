"""Read the rows of a spreadsheet: the sheet of products, by the names of its columns."""

from __future__ import annotations

import contextlib
import importlib.util
import zipfile
from collections import Counter
from itertools import chain, groupby, islice
from typing import TYPE_CHECKING, NamedTuple

from indexer.catalog.columnnames import is_header, loose_key
from indexer.catalog.csvfile import check_columns
from indexer.catalog.item_parser import Cells
from indexer.catalog.xlsxprocess import sheet_rows
from indexer.errors import BadCatalog

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator
    from pathlib import Path

    from indexer.catalog.item_parser import NumberedRow, Record
    from indexer.catalog.xlsxprocess import SheetRow

_LARGEST = 2_000_000_000  # bytes of an unpacked file; a spreadsheet has at most a million rows
_MOST_UNPACKED = 100_000_000  # bytes, if they are packed more than:
_MOST_PACKED = 200  # times, as for Parquet files

_MOST_TITLES = 20  # rows before the header


def xlsx_records(path: Path) -> Iterator[NumberedRow]:
    """Yield the rows of an XLSX, XLS or ODS file as {column: cell}, numbered as in the sheet.

    It is the first sheet with names of columns, else the first with a header and rows. Empty rows
    and titles before the header are passed over. Raise BadCatalog if the file cannot be read, or
    no sheet has a header.
    """
    if importlib.util.find_spec("python_calamine") is None:
        raise BadCatalog(
            f"{path}: reading spreadsheets needs python-calamine; pip install 'vitrine[xlsx]'"
        )
    _check_size(path)
    yield from table_records(path, sheet_rows)


def table_records(
    path: Path, rows_of: Callable[[Path], Generator[SheetRow]]
) -> Iterator[NumberedRow]:
    """Yield the rows of the first table with names of columns, else of the first with a header.

    Raises BadCatalog if there is none, or a column is there twice.
    """
    fallback: int | None = None  # the first sheet with rows
    with contextlib.closing(rows_of(path)) as all_rows:
        for number, of_sheet in groupby(all_rows, key=lambda row: row.sheet):
            table = _Table.begin(of_sheet)
            if table is not None and table.is_known:
                yield from table.records(path)
                return
            if table is not None and fallback is None:
                fallback = number
    if fallback is None:
        raise BadCatalog(f"{path} is empty: expected a header row with the names of columns")
    # The rows have gone by while further sheets were looked at, so the file is read again.
    with contextlib.closing(rows_of(path)) as all_rows:
        table = _Table.begin(row for row in all_rows if row.sheet == fallback)
        if table is not None:
            yield from table.records(path)


class _Table(NamedTuple):
    """The rows of a sheet from its header on; ``is_known`` if the header has names of columns."""

    first: list[SheetRow]
    others: Iterator[SheetRow]
    is_known: bool

    @classmethod
    def begin(cls, of_sheet: Iterable[SheetRow]) -> _Table | None:
        """Find the header among the first rows; return None without a header or rows below it.

        It is the first row of names of columns, else the first row of several cells.
        """
        rows = iter(of_sheet)
        first = list(islice(rows, _MOST_TITLES))
        found = None
        for place, row in enumerate(first):
            filled = [cell for cell in row.cells if cell != ""]
            if is_header(filled):
                found = place
                break
            if found is None and (len(filled) > 1 or (filled and len(row.cells) == 1)):
                found = place
        if found is None or (found + 1 == len(first) < _MOST_TITLES):
            return None
        header = [cell for cell in first[found].cells if cell != ""]
        return cls(first[found:], rows, is_header(header))

    def records(self, path: Path) -> Iterator[NumberedRow]:
        """Yield the rows below the header. Raise BadCatalog if a column is there twice."""
        header = [str(cell).strip() for cell in self.first[0].cells]
        check_columns(path, header, [name for name in header if loose_key(name) == "id"])
        repeated = {name for name, count in Counter(header).items() if name and count > 1}
        for row in chain(self.first[1:], self.others):
            cells = row.cells + [""] * (len(header) - len(row.cells))
            record: Record = {name: cell for name, cell in zip(header, cells, strict=False) if name}
            for name in repeated:
                named = zip(header, cells, strict=False)
                record[name] = Cells(
                    cell for column, cell in named if column == name and cell != ""
                )
            yield f"row {row.number}", record


def _check_size(path: Path) -> None:
    """Raise BadCatalog for a file that unpacks to more memory than a catalog needs."""
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
        packed = path.stat().st_size
    except (zipfile.BadZipFile, OSError, NotImplementedError, ValueError):
        return  # an older format, or broken: the reader will report it
    if size > _LARGEST:
        raise BadCatalog(f"{path} unpacks to {size} bytes, more than {_LARGEST}; save it as CSV")
    if size > max(_MOST_UNPACKED, _MOST_PACKED * packed):
        raise BadCatalog(
            f"{path} unpacks to {size} bytes, more than {_MOST_PACKED} times its size; save it as "
            "CSV"
        )
