"""The table that Saleor exports: the kind of a column is in brackets after its name."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Final

from indexer.catalog.item_parser import BrokenRow, Cells, Record
from indexer.catalog.plaintable import PlainTable
from indexer.catalog.shopformat import ReadRows, is_blank, text_cell

if TYPE_CHECKING:
    from indexer.catalog.item_parser import NumberedRow

_KIND: Final = re.compile(r"(?P<name>.+) \((?P<kind>[a-z ]+)\)")
_ATTRIBUTES: Final = frozenset({"product attribute", "variant attribute"})
_PRICE: Final = "channel price amount"
_CURRENCIES: Final = (
    "channel variant currency code", "channel currency code", "channel product currency code",
)  # fmt: skip
_COUNT: Final = "warehouse quantity"
_PUBLISHED: Final = "channel published"
_IDS: Final = ("variant sku", "variant id", "id")
_MEDIA: Final = ("variant media", "product media")
_NO: Final = frozenset({"false", "0", "no"})


class Saleor(PlainTable):
    """Items are variants; prices are those of the first channel that has one."""

    name = "saleor"

    def recognizes(self, columns: Collection[str]) -> bool:
        """Return True if a column has a kind that only Saleor writes."""
        kinds = {match["kind"] for name in columns if (match := _KIND.fullmatch(name))}
        return bool(kinds & {_PRICE, _COUNT, *_ATTRIBUTES})

    def rows(self, read: ReadRows) -> Iterator[NumberedRow]:
        """Yield the rows of variants, with our names of fields."""
        return super().rows(lambda: (_renamed(where, row) for where, row in read()))


def _renamed(where: str, row: Record | BrokenRow) -> NumberedRow:
    if isinstance(row, BrokenRow):
        return where, row
    found: Record = {}
    kinds: dict[str, dict[str, object]] = {}
    for column, cell in row.items():
        match = _KIND.fullmatch(column)
        if match is None:
            if column not in _MEDIA:
                found[column] = cell
        elif match["kind"] in _ATTRIBUTES:
            if is_blank(found.get(match["name"])):
                found[match["name"]] = cell
        else:
            kinds.setdefault(match["kind"], {})[match["name"]] = cell
    # The id of a variant, also in a table in which each product has one.
    own = next((row[name] for name in _IDS if not is_blank(row.get(name))), "")
    found |= {"id": own, "product_id": row.get("id") or own}
    found["images"] = Cells([row[name] for name in _MEDIA if not is_blank(row.get(name))])
    prices = kinds.get(_PRICE, {})
    channel = next((name for name, cell in prices.items() if not is_blank(cell)), "")
    found["price"] = prices.get(channel, "")
    codes = (kinds.get(kind, {}).get(channel) for kind in _CURRENCIES)
    found["currency"] = next((code for code in codes if not is_blank(code)), "")
    counts = [text_cell(cell) for cell in kinds.get(_COUNT, {}).values() if not is_blank(cell)]
    found["quantity"] = "" if not counts else max(counts, key=_count_of)
    shown = [text_cell(cell).casefold() for cell in kinds.get(_PUBLISHED, {}).values()]
    found["published"] = not (any(shown) and all(text in _NO for text in shown if text))
    return where, found


def _count_of(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return -1.0
