"""Tables that have a row for each language of an item, with the language in a column of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Final

from indexer.catalog.idcolumn import short_text
from indexer.catalog.item_parser import BrokenRow, Record
from indexer.catalog.shopformat import ReadRows, grouped, inherited
from indexer.catalog.texts import LANGUAGES

if TYPE_CHECKING:
    from indexer.catalog.item_parser import NumberedRow
    from indexer.catalog.tablecolumns import TableColumns

_NAMES: Final = (
    "locale", "language", "lang", "language code", "locale code", "lang code", "content language",
    "sprache", "langue", "idioma", "lingua", "taal",
)  # fmt: skip
_CODE: Final = re.compile(r"([A-Za-z]{2})(?:[-_][A-Za-z]{2,4})?")
_LOOKED_AT: Final = 300  # rows


def in_one_language(
    read: ReadRows, columns_of: Callable[[Record], TableColumns], language: str
) -> ReadRows:
    """Return the rows in ``language``, else in English, else the first of each item.

    A row takes its empty cells from those of the same item in other languages. Tables in which no
    id has rows of two languages stay as they are.
    """
    first = list(islice(_records(read), _LOOKED_AT))
    columns = columns_of(first[0]) if first else None
    found = [columns.by_key[key] for key in _NAMES if columns and key in columns.by_key]
    if columns is None or not found:
        return read
    spoken = [_code(row.get(found[0])) for row in first]
    if len(set(spoken)) < 2 or not LANGUAGES.issuperset(spoken):
        return read
    for name in columns.ids():
        pairs = [(short_text(row.get(name)), code) for row, code in zip(first, spoken, strict=True)]
        ids = {text for text, _ in pairs}
        if "" not in ids and len(ids) < len(pairs) == len(set(pairs)):
            return partial(_chosen, read, name, found[0], (language, "en"))
    return read


def _chosen(
    read: ReadRows, item: str, spoken: str, wanted: tuple[str, ...]
) -> Iterator[NumberedRow]:
    """Yield one row for each cell of the column ``item``, in the first language wanted."""
    for group in grouped(read, lambda row: short_text(row.get(item)) or None):
        if isinstance(group, tuple):
            yield group
            continue
        by_code = {_code(row.get(spoken)): (where, row) for where, row in reversed(group)}
        code = next((code for code in wanted if code in by_code), _code(group[0][1].get(spoken)))
        where, row = by_code[code]
        for _, other in group:
            row = inherited(row, other)
        yield where, row


def _code(cell: object) -> str:
    match = _CODE.fullmatch(short_text(cell))
    return match[1].casefold() if match else ""


def _records(read: ReadRows) -> Iterator[Record]:
    return (row for _, row in read() if not isinstance(row, BrokenRow))
