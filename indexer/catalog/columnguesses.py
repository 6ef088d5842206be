"""Guess the columns of fields in a table whose names are not known, by their words and cells.

A guess needs cells that fit the field: links to pictures, prices, ids without repetition. So a
wrong word in the name of a column costs nothing, and a language that is not listed is read too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import islice
from typing import Final, NamedTuple

from indexer.catalog.cellkinds import (
    LINK,
    has_currency,
    has_levels,
    is_code,
    is_currency,
    is_flag,
    is_picture,
    is_price,
    is_short,
    is_stock,
    is_text,
    is_title,
)
from indexer.catalog.columnnames import NAMES, is_private, is_small_picture, known_key, loose_key
from indexer.catalog.columnwords import (
    AMOUNTS,
    CERTAIN_IDS,
    NO_CATEGORY,
    NO_FLAG,
    NO_LINK,
    NO_PICTURE,
    NO_PRICE,
    NO_STOCK,
    NO_TITLE,
    RECOMMENDED,
    ROLES,
    SMALL_PICTURE,
)
from indexer.catalog.item_parser import Cells, Record
from indexer.catalog.nested import text_of
from indexer.catalog.shopformat import is_blank, text_cell
from indexer.catalog.stock import parse_stock
from indexer.catalog.texts import is_translated

LOOKED_AT: Final = 300  # rows
_MOST_COLUMNS: Final = 1000  # of a table; exports of shops have fewer
_MOST: Final = 0.8  # of the filled cells of a column fit its field
_DECIMAL: Final = re.compile(r"\d+[.,]\d{2}")
UNNAMED: Final = re.compile(r"column \d+")
"""The names of columns of a file without a header."""
_HAS_DIGIT: Final = re.compile(r"\d")
_LETTER: Final = re.compile(r"[^\W\d_]")
_LONGEST_CELL: Final = 2000  # characters that are looked at
SHORT: Final = 120
"""Letters of a description that may be a title."""
_ARTICLES: Final = frozenset({"artikel", "article", "articulo", "articolo", "artykul", "artigo"})
"""Columns of names, or of numbers."""
_NO_PRODUCT: Final = frozenset({*NAMES["counted"], *NAMES["count"], *NAMES["in_stock"]})
"""Columns that name no product, though their cells may be those of a few rows above."""


class _Column(NamedTuple):
    """A column: the words of its name, and its filled cells as texts."""

    name: str
    words: frozenset[str]
    key: str
    cells: Sequence[str]

    def is_named(self, words: Iterable[str]) -> bool:
        """Return True if the name has one of these words; of CJK and Thai, if it holds one."""
        return any(word in self.words or _holds(self.key, word) for word in words)

    def rank(self, role: str) -> int:
        """Return the place of the first word of a role that the name has; a large number if none.

        The words of a role begin with the most telling ones.
        """
        words = ROLES[role]
        return next((at for at, word in enumerate(words) if self.is_named((word,))), len(words))

    def fits(self, test: Callable[[str], object]) -> bool:
        """Return True if most cells pass a test, and there is one."""
        return bool(self.cells) and sum(map(bool, map(test, self.cells))) >= _MOST * len(self.cells)

    def is_unique(self) -> bool:
        """Return True if no two cells are equal."""
        return len(set(self.cells)) == len(self.cells)


def guess_columns(
    rows: Sequence[Record], known: Mapping[str, Sequence[str]], taken: Collection[str]
) -> dict[str, list[str]]:
    """Return columns by field, for the fields and roles that ``known`` lacks.

    ``rows`` are the first of a table, ``known`` the columns found by their names, and ``taken`` all
    columns with a meaning of their own, which are no guesses. Columns of pictures and of ids are
    added to those known. Without a picture nothing is an id: then the table may be anything.
    """
    names = dict.fromkeys(name for row in rows for name in row)
    columns = [
        column
        for name in islice(names, _MOST_COLUMNS)
        if name and name not in taken and not is_private(name)
        if (column := _column(name, rows)).cells
    ]
    found: dict[str, list[str]] = {}

    def take(field: str, listed: Iterable[_Column]) -> None:
        chosen = [] if known.get(field) else [column.name for column in listed][:1]
        if chosen:
            found.setdefault(field, chosen)
            columns[:] = [column for column in columns if column.name not in chosen]

    def named(
        field: str, test: Callable[[str], object], other: Sequence[str] = ()
    ) -> list[_Column]:
        fit = [column for column in columns if column.fits(test) and not column.is_named(other)]
        return sorted((c for c in fit if _is_role(c, field)), key=lambda c: c.rank(field))

    if pictures := _pictures(columns, has_known=bool(known.get("images"))):
        found["images"] = [column.name for column in pictures]
    columns = [column for column in columns if not column.fits(is_picture)]
    take("currency", (column for column in columns if column.fits(is_currency)))
    ids = _ids(columns, len(rows), has_known=bool(known.get("id")))
    if ids and (found.get("images") or known.get("images")):
        found["id"] = ids
    columns = [column for column in columns if column.name not in found.get("id", ())]
    links = [c for c in columns if c.fits(LINK.match) and not c.is_named(NO_LINK)]
    take("url", sorted(links, key=lambda column: not column.is_unique()))
    priced = [column for column in columns if column.fits(is_price)]
    has_currency = bool(known.get("currency") or "currency" in found)
    take("price", [*_prices(priced), *(c for c in priced if has_currency and c.is_named(AMOUNTS))])
    take("sale price", named("sale price", is_price))
    take("count", named("count", is_stock, NO_STOCK))
    has_count = bool(known.get("count") or "count" in found)
    offered = named("in_stock", is_stock, NO_STOCK)
    take(
        "in_stock", (c for c in offered if not has_count or len(set(map(parse_stock, c.cells))) > 1)
    )
    take("active", named("active", is_flag, NO_FLAG))
    texts = [_column(name, rows) for name in known.get("description", ())]
    is_short_text = any(column.fits(lambda cell: len(cell) < SHORT) for column in texts)
    take("title", _titles(columns, are_named=is_short_text))
    texts = named("description", _LETTER.search)
    take("description", sorted(texts, key=lambda column: -sum(map(len, column.cells))))
    take("categories", named("categories", _LETTER.search, NO_CATEGORY))
    take("categories", (column for column in columns if column.fits(has_levels)))
    is_described = known.get("description") or "description" in found  # a short one is a title
    if (found.get("images") or known.get("images")) and not is_described:
        take("title", _words(columns))
    return found


def shared_column(rows: Sequence[Record], titles: Sequence[str], without: Collection[str]) -> str:
    """Return the column that names the product in the rows of variants, or "".

    Variants have no title in one of the columns ``titles``; each has the cell of a row with a title
    in this column, which is none of ``without``.
    """
    if not titles:
        return ""
    bare = [row for row in rows if all(is_blank(row.get(name)) for name in titles)]
    full = [row for row in rows if not all(is_blank(row.get(name)) for name in titles)]
    if not bare or not full:
        return ""
    for name in islice(full[0], _MOST_COLUMNS):
        if name in titles or name in without or known_key(name) in _NO_PRODUCT:
            continue
        cells = [text_cell(row.get(name)) for row in full if is_text(row.get(name))]
        own = {text_cell(row.get(name)) if is_text(row.get(name)) else "" for row in bare}
        is_filled = "" not in own and "" not in cells
        if is_filled and own <= set(cells) and len(set(cells)) == len(full):
            return name
    return ""


def is_explained(rows: Sequence[Record]) -> bool:
    """Return True if the first row explains the columns: only it has no pictures, prices, links."""
    if len(rows) < 2:
        return False
    first, others = rows[0], rows[1:]
    odd = 0
    for name in islice(first, _MOST_COLUMNS):
        cell = text_cell(first[name]) if is_text(first[name]) else ""
        column = _column(name, others)
        for test in (is_picture, is_price, LINK.match):
            if column.fits(test) and len(column.cells) * 2 >= len(others):
                if cell and test(cell):
                    return False
                odd += bool(cell) and _LETTER.search(cell) is not None
                break
    return odd > 1


def unnamed(cells: Sequence[str]) -> list[str]:
    """Return names for the columns of a file without a header, of which these are a row."""
    return [f"column {number}" for number in range(1, len(cells) + 1)]


def _column(name: str, rows: Sequence[Record]) -> _Column:
    key = loose_key(name)
    cells: list[str] = []
    for row in rows:
        value = row.get(name)
        if isinstance(value, dict) and is_translated(value):
            value = text_of(value)
        parts = value if isinstance(value, Cells | list) else [value]
        if isinstance(value, list):
            parts = [_picture_of(part) if isinstance(part, dict) else part for part in parts]
        texts = [text_cell(part) for part in parts if isinstance(part, str | int | float)]
        if text := "\n".join(texts).strip()[:_LONGEST_CELL]:
            cells.append(text)
    words = {word.rstrip("0123456789") or word for word in re.findall(r"\w+", key)}
    return _Column(name, frozenset(words), key, cells)


def _picture_of(part: Record) -> str:
    """Return the path or URL of a picture such as ``{"url": "a.jpg"}``; "" for other objects."""
    texts = (part.get(name) for name in ("src", "url", "file"))
    return next((text for text in texts if isinstance(text, str) and is_picture(text)), "")


def _holds(key: str, word: str) -> bool:
    """Return True if a name without spaces between words holds a word, or ends in a long one."""
    if word[:1] > "\u0e00":  # Thai, Chinese, Japanese, Korean
        return word in key
    if " " in word:
        return f" {word} " in f" {key} "
    is_end = len(word) > 3 and any(part.endswith(word) for part in key.split())
    return is_end or (len(word) > 5 and word in key)


def _is_role(column: _Column, role: str) -> bool:
    return column.is_named(ROLES[role])


def _pictures(columns: Sequence[_Column], *, has_known: bool) -> list[_Column]:
    """Return the columns of pictures; small ones only if there are no others."""
    listed = [column for column in columns if column.fits(is_picture)]
    large = [
        column
        for column in listed
        if not column.is_named(NO_PICTURE)
        and not column.key.startswith(NO_PICTURE)
        and not is_small_picture(column.name)
    ]
    small = [column for column in listed if column.is_named(SMALL_PICTURE)]
    return large if large or has_known else small or listed


def _ids(columns: Sequence[_Column], rows: int, *, has_known: bool) -> list[str]:
    """Return the columns whose cells may be ids: those named so first, then short codes, texts.

    Beside known ones they are only those named so, for rows that lack an id.
    """
    unique = [column for column in columns if column.is_unique() and column.fits(is_short)]
    if has_known:
        unique = [column for column in unique if column.is_named(CERTAIN_IDS)]
    named = sorted((c for c in unique if _is_role(c, "id")), key=lambda c: c.rank("id"))
    common = [
        column
        for column in unique
        if len(column.cells) * 2 >= rows
        and not (_is_role(column, "count") or _is_role(column, "price"))
    ]
    codes = [
        column for column in common if column.fits(is_code) and not column.fits(_DECIMAL.fullmatch)
    ]
    full = [column for column in common if len(column.cells) == rows and column.fits(is_title)]
    first = sorted(named, key=lambda column: len(column.cells) * 2 < rows)
    listed = first if has_known or named else (codes or full)[:1]
    return [column.name for column in listed]


def _prices(columns: Sequence[_Column]) -> list[_Column]:
    """Return the columns of prices: those named so, then those whose cells have a currency.

    Prices that a maker recommends come last.
    """
    usual = [column for column in columns if not column.is_named(NO_PRICE)]
    named = [column for column in usual if _is_role(column, "price")]
    marked = [column for column in usual if column.fits(has_currency)]
    unnamed = [column for column in usual if UNNAMED.fullmatch(column.name)]
    listed = [column for column in unnamed if column.fits(_DECIMAL.fullmatch)]
    return [*named, *marked, *listed, *(c for c in columns if c.is_named(RECOMMENDED))]


def _titles(columns: Sequence[_Column], *, are_named: bool) -> list[_Column]:
    """Return the columns of names: those named so, then articles, and the first that differ.

    The last of these are left out if the items are named by another column.
    """
    texts = [
        column
        for column in columns
        if column.fits(_LETTER.search) and column.fits(is_title)
        and not column.is_named(NO_TITLE)
    ]  # fmt: skip
    named = sorted((c for c in texts if _is_role(c, "title")), key=lambda c: c.rank("title"))
    spoken = [
        column
        for column in texts
        if len(set(column.cells)) * 2 > len(column.cells) and column.fits(lambda cell: " " in cell)
    ]
    articles = [column for column in texts if column.key in _ARTICLES]
    return [*named, *articles, *([] if are_named else spoken)]


def _words(columns: Sequence[_Column]) -> list[_Column]:
    """Return the columns of words that all differ, which may be the names of a table's items."""
    texts = [c for c in columns if c.fits(_LETTER.search) and not c.is_named(NO_TITLE)]
    return [
        column
        for column in texts
        if column.is_unique() and len(column.cells) > 1 and not column.fits(_HAS_DIGIT.search)
    ]


def may_be_id_name(name: str) -> bool:
    """Return True if a word of a name says that it is one of ids, such as ``Codice``."""
    key = loose_key(name)
    return key in NAMES["id"] or _is_role(_Column(name, frozenset(key.split()), key, ()), "id")


def is_id_name(name: str) -> bool:
    """Return True if a name is certainly one of ids, such as ``SupplierPartID``."""
    key = loose_key(name)
    return key in NAMES["id"] or _Column(name, frozenset(key.split()), key, ()).is_named(
        CERTAIN_IDS
    )
