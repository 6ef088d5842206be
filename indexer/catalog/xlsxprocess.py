"""Read the cells of a spreadsheet in a process of its own.

The library lays a sheet out as a table: a single cell in the last row and column of an otherwise
empty sheet takes 500 GB, and an allocation that fails ends the process. The same holds for
repeated cells of an ODS file. So the memory of that process is limited.
"""

from __future__ import annotations

import contextlib
import datetime
import subprocess
import sys
from typing import IO, TYPE_CHECKING, Any

import msgspec

from indexer.errors import BadCatalog, one_line
from indexer.jsonbytes import decode_json

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

_MOST_MEMORY = 4_000_000_000  # bytes; a full sheet of a million rows and 40 columns takes half
_MOST_LINE = 100_000_000  # bytes of a row
_CODE = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from indexer.catalog.xlsxprocess import write_rows; "
    "write_rows(sys.argv[2], int(sys.argv[3]), sys.stdout.buffer)"
)


class SheetRow(msgspec.Struct, array_like=True):
    """A row of a sheet: the number of the sheet, that of the row (from 1), and its cells."""

    sheet: int
    number: int
    cells: list[str | int | float | bool | None]


class _Failure(msgspec.Struct, array_like=True, tag=True):
    reason: str


def sheet_rows(path: Path, memory: int = _MOST_MEMORY) -> Generator[SheetRow]:
    """Yield the rows of all sheets but the empty ones. Closing the iterator ends the process.

    Raise BadCatalog if the file cannot be read, or takes more than ``memory`` bytes to read.
    """
    search_path = msgspec.json.encode(sys.path).decode()
    command = [sys.executable, "-P", "-c", _CODE, search_path, str(path), str(memory)]
    with subprocess.Popen(  # noqa: S603 - the command is ours
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout is not None
        try:
            while line := process.stdout.readline(_MOST_LINE):
                if not line.endswith(b"\n"):
                    break
                row = decode_json(line)
                if isinstance(row[0], str):
                    raise BadCatalog(f"cannot read {path}: {row[1]}")
                yield SheetRow(*row)
            process.stdout.close()
            if process.wait() != 0:
                raise BadCatalog(
                    f"cannot read {path}: its reader failed, or needs more than "
                    f"{memory / 1e9:g} GB of memory; save it as CSV"
                )
        finally:
            process.kill()


def write_rows(path: str, memory: int, out: IO[bytes]) -> None:
    """Write the rows of a spreadsheet to ``out``, a line of JSON each. Limits this process."""
    with contextlib.suppress(ImportError, ValueError, OSError):  # not everywhere
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
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
    except BrokenPipeError:  # enough was read
        return
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
