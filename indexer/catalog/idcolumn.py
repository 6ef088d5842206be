"""Choose the column of a table whose cells are the ids of its items."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from indexer.catalog.columnnames import NAMES, known_key
from indexer.catalog.item_parser import BrokenRow, Record
from indexer.catalog.shopformat import ReadRows, text_cell
from indexer.catalog.tablecolumns import VARIANT_IDS, TableColumns

if TYPE_CHECKING:
    from indexer.catalog.item_parser import NumberedRow

_TECHNICAL: Final = re.compile(r"[a-z_]+(?:\[[^\]]*\])*#\d+[\w.#]*")  # Amazon's name of a column


class IdColumn(NamedTuple):
    """The column of ids; "" if it is ``id``, or there is none.

    ``is_repeated`` is True if every column that may be it has repeated cells. ``product`` is one
    with repeated cells whose rows share their title, because they are variants, or "".
    """

    name: str
    is_repeated: bool = False
    product: str = ""


def choose_id_column(read: ReadRows, columns_of: Callable[[Record], TableColumns]) -> IdColumn:
    """Return the column of ids: of those that may be it, the first without repeated cells.

    A table with a column ``id`` needs no other, and one row of it is read. If it also has a column
    of the ids of variants, and ``id`` has repeated cells, that one is the column of ids.
    """
    seen: dict[str, dict[int, int]] = {}  # the title of the first row of each id, as hashes
    repeated: set[str] = set()
    mixed: set[str] = set()  # columns that have one cell in rows of several titles
    rows = 0
    columns = TableColumns(())
    for _, row in read():
        if isinstance(row, BrokenRow):
            continue
        columns = columns_of(row)
        if "id" in columns.by_key and not columns.by_key.keys() & set(VARIANT_IDS):
            return IdColumn("")
        rows += 1
        name = columns.first("title")
        title = "" if name is None else short_text(row[name])
        for column in columns.ids():
            if column in mixed & repeated or not (text := short_text(row[column])):
                continue
            number, before = hash(text), seen.setdefault(column, {})
            if number in before:
                repeated.add(column)
            if not title or before.setdefault(number, hash(title)) != hash(title):
                mixed.add(column)
            before.setdefault(number, 0)
    if "id" in columns.by_key:
        names = [columns.by_key[key] for key in VARIANT_IDS if key in columns.by_key]
        full = [name for name in names if name not in repeated and len(seen.get(name, ())) == rows]
        return IdColumn(full[0] if full and columns.by_key["id"] in repeated else "")
    likely = [name for key in NAMES["id"] for name in seen if known_key(name) == key]
    likely += [name for name in columns.ids() if name in seen and name not in likely]
    unique = [name for name in likely if name not in repeated]
    common = [name for name in unique if len(seen[name]) * 2 >= rows]
    products = [name for name in likely if name in repeated and name not in mixed]
    return IdColumn(
        next(iter([*common, *unique, *likely]), ""),
        bool(likely) and not unique,
        next(iter(products), "") if unique else "",
    )


def without_technical_names(read: ReadRows) -> ReadRows:
    """Return ``read`` without the second row of a header, as Amazon's templates have."""

    def rows() -> Iterator[NumberedRow]:
        for number, (where, row) in enumerate(read()):
            if number == 0 and not isinstance(row, BrokenRow):
                cells = [text for cell in row.values() if (text := short_text(cell))]
                technical = sum(_TECHNICAL.fullmatch(text) is not None for text in cells)
                if technical > 1 and technical * 2 >= len(cells):
                    continue
            yield where, row

    return rows


def short_text(value: Any) -> str:
    """Return a cell that is a text or a number as text, or ""."""
    return text_cell(value) if isinstance(value, str | int | float) else ""
