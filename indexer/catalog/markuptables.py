"""Read the rows of tables that are written as markup: those of HTML, and Excel's XML of 2003.

Programs export such files for spreadsheets, often with the ending ``.xls``.
"""

from __future__ import annotations

import html
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any, Final

from indexer.catalog.htmlfile import attributes_of, page_text, tags_of
from indexer.catalog.item_parser import MOST_COLUMNS
from indexer.catalog.xlsxprocess import SheetRow
from indexer.catalog.xmlstream import xml_elements, xml_events
from indexer.catalog.xmlvalues import local_name

if TYPE_CHECKING:
    from pathlib import Path
    from xml.etree.ElementTree import Element

_CELLS: Final = ("td", "th")
_SHEET: Final = "Worksheet"


def html_table_rows(path: Path) -> Generator[SheetRow]:
    """Yield the rows of the tables of a page, numbered in each table.

    A cell is its text, or its picture if it has no text. Of tables in each other it is the inner
    one. Raises as ``page_text`` does.
    """
    table = number = 0
    row: list[str | int | float | bool | None] | None = None
    cell: list[str] | None = None
    picture = ""
    for before, tag in tags_of(page_text(path)):
        if cell is not None:
            cell.append(before)
        name, is_end = tag[2].lower(), bool(tag[1])
        if name in (*_CELLS, "tr", "table") and cell is not None and row is not None:
            row.append(" ".join(html.unescape(" ".join(cell)).split()) or picture)
            cell = None
        if name in ("tr", "table") and row:
            number += 1
            yield SheetRow(table, number, row)
        if name == "table":
            table, number, row = table + 1, 0, None
        elif name == "tr":
            row = None if is_end else []
        elif name in _CELLS and not is_end and row is not None and len(row) < MOST_COLUMNS:
            cell, picture = [], ""
        elif name == "img":
            picture = picture or attributes_of(tag[3]).get("src", "")
    if row:
        yield SheetRow(table, number + 1, row)


def is_workbook(path: Path) -> bool:
    """Return True if an XML file is a spreadsheet; raises as ``xml_events`` does."""
    return any("office:spreadsheet" in str(element.tag) for _, element in _first(path))


def workbook_rows(path: Path) -> Generator[SheetRow]:
    """Yield the rows of the sheets of Excel's XML of 2003; raises as ``xml_events`` does."""
    sheet = number = 0
    before: Element | None = None
    for around, row in xml_elements(path, ("Row",)):
        own = next((one for one in around if local_name(one.tag) == _SHEET), None)
        if own is not before:
            before, sheet, number = own, sheet + 1, 0
        number = _index_of(row) or number + 1
        cells: list[Any] = []
        for cell in row:
            cells += [""] * max(0, min(_index_of(cell), MOST_COLUMNS) - 1 - len(cells))
            cells.append(" ".join("".join(cell.itertext()).split()))
        yield SheetRow(sheet, number, cells)


def _first(path: Path) -> Iterator[tuple[str, Element]]:
    """Yield the start of the outermost element alone."""
    yield from (event for event, _ in zip(xml_events(path), range(1), strict=False))


def _index_of(element: Element) -> int:
    """Return the place that a row or a cell states, from 1, because those before it are empty."""
    found = next((value for name, value in element.items() if local_name(name) == "Index"), "")
    return int(found) if found.isdecimal() and len(found) < 8 else 0
