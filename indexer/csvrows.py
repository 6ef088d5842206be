"""Read CSV files that list photos with what they show; name the columns of any table."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Final, TypeAlias

from indexer.errors import BadCatalog

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

Row: TypeAlias = dict[str, str | None]
MAX_CELL: Final = 1_000_000
"""Characters of a cell; more in one is a broken quote, no description."""
_SHOWN_COLUMNS, _SHOWN_LETTERS = 50, 60  # of columns that an error names


def csv_rows(path: Path) -> tuple[list[str], list[Row]]:
    """Return the columns and the rows of a CSV file in UTF-8; no columns if it has no rows.

    A cell is None if its row is too short. Raises BadCatalog if the file cannot be read.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows: list[Row] = list(csv.DictReader(file))
    except OSError as error:
        raise BadCatalog(f"cannot read {path}: {error.strerror or error}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadCatalog(f"{path} is not a CSV file in UTF-8: {error}") from error
    return [name for name in rows[0] if name] if rows else [], rows


def list_columns(names: Iterable[object]) -> str:
    """Return the names of columns for an error: in their order, the first 50, each cut."""
    found = [str(name) for name in names]
    listed = ", ".join(repr(name[:_SHOWN_LETTERS]) for name in found[:_SHOWN_COLUMNS]) or "none"
    more = len(found) - _SHOWN_COLUMNS
    return f"{listed} and {more} more" if more > 0 else listed
