"""Put the rows of one product together, so that variants take what they lack from it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from indexer.catalog.columnnames import loose_key
from indexer.catalog.item_parser import BrokenRow, Cells, Record, text_from
from indexer.catalog.saleprice import amount_of
from indexer.catalog.shopformat import ReadRows, grouped, inherited, is_blank
from indexer.catalog.tablecolumns import is_of_a_variant

if TYPE_CHECKING:
    from indexer.catalog.item_parser import NumberedRow

_OF_A_PICTURE: Final = re.compile(r"image|img|bild|photo|foto|picture|media|position|alt\b|sort")
_LETTER: Final = re.compile(r"[^\W\d_]")
NO_PRODUCT: Final = frozenset({"", "0", "-1", "-", "none", "null", "root", "oxrootid"})
"""What the column of parents holds in the row of a product that has none."""


class SharedColumns(NamedTuple):
    """The columns that rows of one product share.

    ``texts`` are filled one by one, ``images`` only if none of them is given. ``price`` are the
    columns of a price; they are filled together with ``currency``, and only from the row of the
    parent, whose id is in the column ``item``; a variant names it in the column ``product``. "" is
    no column.
    """

    texts: Sequence[str]
    images: Sequence[str]
    price: Sequence[str] = ()
    currency: str = ""
    product: str = ""
    item: str = ""


def filled_rows(
    read: ReadRows,
    product_of: Callable[[Record], str],
    ids_of: Callable[[Record], Iterable[str]],
    shared: Callable[[Record], SharedColumns],
) -> Iterator[NumberedRow]:
    """Yield the rows; empty cells of a row are those of its product's row, or of the first one.

    ``product_of`` returns the id or SKU of a row's product, "" if it has none. The row of the
    product itself has it among ``ids_of``; without a price it takes the lowest of its variants.
    """
    products = {product_of(row) for _, row in read() if not isinstance(row, BrokenRow)}

    def key_of(row: Record) -> str | None:
        own = product_of(row) or next((text for text in ids_of(row) if text in products), "")
        return own or None

    for group in grouped(read, key_of):
        if isinstance(group, tuple):
            yield group
            continue
        product = key_of(group[0][1]) or ""
        parent = next((row for _, row in group if product in ids_of(row)), None)
        base = group[0][1] if parent is None else parent
        columns = shared(base)
        pictures = [row for _, row in group if row is not base and _is_picture(row, columns)]
        apart = set(map(id, pictures))
        members = [row for _, row in group if id(row) not in apart]
        full = _with_pictures(base, pictures, columns) if pictures else base
        for where, row in group:
            if row is base:
                variants = [member for member in members if member is not base]
                yield where, _priced(full, variants, columns) if base is parent else full
            elif id(row) not in apart:
                yield where, _filled(row, full, columns, is_parent=base is parent)


def _is_picture(row: Record, columns: SharedColumns) -> bool:
    """Return True if a row has pictures and what is said of them, and nothing else."""
    filled = {name for name in row if not is_blank(row[name])} - {columns.product}
    others = (name for name in filled if name not in columns.images)
    return not filled.isdisjoint(columns.images) and all(
        _OF_A_PICTURE.search(loose_key(name)) for name in others
    )


def _with_pictures(base: Record, pictures: Sequence[Record], columns: SharedColumns) -> Record:
    """Return the row of a product with the pictures of other rows."""
    rows = (base, *pictures)
    listed = [row[name] for row in rows for name in columns.images if not is_blank(row.get(name))]
    cells = dict.fromkeys(columns.images, "")
    return {**base, **cells, columns.images[0]: Cells(dict.fromkeys(map(str, listed)))}


def continued_rows(
    read: ReadRows, texts: Sequence[str], ids: Sequence[str], product: str
) -> Iterator[NumberedRow]:
    """Yield the rows with the new column ``product``: rows without texts name the row above.

    ``texts`` are the columns that the rows of variants leave empty, as cells that are merged do,
    and ``ids`` those of ids.
    """
    above = ""
    for where, row in read():
        if isinstance(row, BrokenRow):
            yield where, row
            continue
        if not is_continued(row, texts, ids):
            own = next((cell for name in ids if (cell := text_from(row.get(name)).strip())), "")
            above = own or text_from(row.get(texts[0])).strip()
        yield where, {**row, product: above}


def is_continued(row: Record, texts: Sequence[str], ids: Sequence[str]) -> bool:
    """Return True if a row lacks all texts of a product, but says in words what it is."""
    if not texts or any(not is_blank(row.get(name)) for name in texts):
        return False
    return any(
        isinstance(cell, str) and _LETTER.search(cell) is not None
        for name, cell in row.items()
        if name not in ids
    )


def _filled(row: Record, base: Record, columns: SharedColumns, *, is_parent: bool) -> Record:
    full = inherited(row, base, columns.texts)
    shared = [name for name in columns.images if not is_of_a_variant(name)]
    if all(is_blank(row.get(name)) for name in shared):
        is_other = all(is_blank(base.get(name)) for name in shared)
        has_own = any(not is_blank(row.get(name)) for name in columns.images)
        full = inherited(full, base, columns.images if is_other and not has_own else shared)
    if is_parent and all(is_blank(row.get(name)) for name in columns.price):
        full = inherited(full, base, [*columns.price, columns.currency])
    if is_parent and columns.product and not is_blank(base.get(columns.item)):
        full = {**full, columns.product: base[columns.item]}
    return full


def _priced(row: Record, variants: Sequence[Record], columns: SharedColumns) -> Record:
    """Return the row of a product; without a price, or of 0, with that of its cheapest variant."""
    given = [row.get(name) for name in columns.price if not is_blank(row.get(name))]
    if not columns.price or any(amount_of(price) != 0 for price in given):
        return row
    cheapest = lowest_priced(variants, columns.price[0])
    if cheapest is None:
        return row
    bare = {**row, **dict.fromkeys(columns.price, "")}
    return inherited(bare, cheapest, [*columns.price, columns.currency])


def lowest_priced(rows: Iterable[Record], column: str) -> Record | None:
    """Return the row with the lowest price in a column; None if no price can be read."""
    found: list[tuple[float, int, Record]] = []
    for number, row in enumerate(rows):
        if amount := amount_of(row.get(column)):
            found.append((amount, number, row))
    return min(found, key=lambda entry: entry[:2])[2] if found else None


def merged_rows(
    read: ReadRows, column: str, images_in: Callable[[Record], Sequence[str]]
) -> Iterator[NumberedRow]:
    """Yield a row for each cell of a column: rows that differ in their pictures alone are one.

    Rows of which another cell differs are yielded as they are.
    """
    for group in grouped(read, lambda row: str(row.get(column) or "") or None):
        if isinstance(group, tuple):
            yield group
            continue
        images = images_in(group[0][1])
        full = group[0][1]
        for _, row in group[1:]:
            full = inherited(full, row)
        if len(group) == 1 or any(not _agrees(row, full, images) for _, row in group):
            yield from group
            continue
        listed = [row[name] for _, row in group for name in images if not is_blank(row.get(name))]
        cells = dict.fromkeys(images, "")
        yield group[0][0], {**full, **cells, images[0]: Cells(dict.fromkeys(map(str, listed)))}


def _agrees(row: Record, full: Record, images: Sequence[str]) -> bool:
    others = (name for name in row if name not in images)
    return bool(images) and all(is_blank(row[name]) or row[name] == full[name] for name in others)
