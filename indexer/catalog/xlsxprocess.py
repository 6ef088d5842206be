"""Read the cells of a spreadsheet, XLSX, XLS or ODS, in a process of its own."""

from __future__ import annotations

import datetime
from typing import IO, TYPE_CHECKING, Any

import msgspec

from indexer.catalog.limitedprocess import MOST_MEMORY, written_by
from indexer.errors import BadCatalog, one_line
from indexer.jsonbytes import decode_json

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

_MOST_LINE = 100_000_000  # bytes of a row


class SheetRow(msgspec.Struct, array_like=True):
    """A row of a sheet: the number of the sheet, that of the row (from 1), and its cells."""

    sheet: int
    number: int
    cells: list[str | int | float | bool | None]


class _Failure(msgspec.Struct, array_like=True, tag=True):
    reason: str


def sheet_rows(path: Path, memory: int = MOST_MEMORY) -> Generator[SheetRow]:
    """Yield the rows of all sheets but the empty ones. Closing the iterator ends the process.

    Raise BadCatalog if the file cannot be read, or takes more than ``memory`` bytes to read.
    """
    with written_by(write_rows, path, memory) as output:
        while (line := output.readline(_MOST_LINE)).endswith(b"\n"):
            row = decode_json(line)
            if isinstance(row[0], str):
                raise BadCatalog(f"cannot read {path}: {row[1]}")
            yield SheetRow(*row)


def write_rows(path: str, out: IO[bytes]) -> None:
    """Write the rows of a spreadsheet to ``out``, a line of JSON each."""
    from python_calamine import CalamineError, CalamineWorkbook

    encoder = msgspec.json.Encoder()
    try:
        workbook = CalamineWorkbook.from_path(path)
        for at, name in enumerate(workbook.sheet_names):
            sheet = workbook.get_sheet_by_name(name)
            first = 1 + (sheet.start or (0, 0))[0]
            for number, row in enumerate(sheet.iter_rows(), first):
                cells = [_cell(cell) for cell in row]
                if any(cell != "" for cell in cells):
                    out.write(encoder.encode(SheetRow(at, number, cells)) + b"\n")
    except BrokenPipeError:
        raise
    except (CalamineError, OSError, ValueError) as error:
        out.write(encoder.encode(_Failure(one_line(error))) + b"\n")


def _cell(value: Any) -> Any:
    """Return a cell as text, number or boolean; a whole number without ``.0``."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return str(value)
    return value
