"""Interpret the words of a query by what one view of a shop has."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from search.words.price_words import described, take_order, take_price
from search.words.value_words import ValueMatch, named_kinds, take_values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from indexer.arrays import Mask
    from indexer.words.lexical import LexicalIndex
    from search.filters.jsonform import Range
    from search.live.view import ShopView
    from search.parts import Part


class AskedWords(NamedTuple):
    """The words of one part.

    ``text`` is what is searched for; empty if the words name only a price, values, or what to
    leave out. ``price`` is a limit that was among them. ``order`` is 1 if they ask for what is
    cheap, -1 for what is expensive, else 0. ``values`` are the values of fields that they name, for
    queries with a picture; ``kinds`` (size,), for those without, are the items of the categories
    that they name. ``excluded`` are the items with a word after a minus (m,). ``corrected`` is the
    text with mistyped words replaced; empty if there are none.
    """

    weight: float
    text: str
    price: Range | None
    order: int
    values: list[ValueMatch]
    kinds: Mask | None
    excluded: NDArray[np.integer]
    corrected: str

    @property
    def understood(self) -> list[str]:
        """The price and the values, as a filter has them, and the order."""
        price = [] if self.price is None else [described(self.price)]
        values = [value.condition for value in self.values if value.weight > 0]
        return price + values + ([f"sort = {self.sort}"] if self.sort else [])

    @property
    def sort(self) -> str | None:
        """The field to sort by, or None; see ``search.sort.parse_sort``."""
        return {1: "price", -1: "-price"}.get(self.order)


def ask_words(
    parts: Sequence[Part], view: ShopView, index: LexicalIndex, *, alone: bool, with_values: bool
) -> list[AskedWords]:
    """Interpret the words of each part that has words, in the order of the parts.

    ``alone`` is True if the query has nothing but words: they may then ask for an order.
    ``with_values`` looks for values of fields. With an index of an earlier version, all words are
    searched for as they are, as that version did.
    """
    return [
        _interpret(part, part.words, view, index, alone=alone, with_values=with_values)
        for part in parts
        if part.words is not None
    ]


def _interpret(
    part: Part, text: str, view: ShopView, index: LexicalIndex, *, alone: bool, with_values: bool
) -> AskedWords:
    if index.is_plain:
        return AskedWords(part.weight, text, None, 0, [], None, np.zeros(0, dtype=np.int64), "")
    price, order = None, 0
    if part.weight > 0 and view.columns.has_prices():
        text, price = take_price(text)
        text, order = take_order(text) if alone else (text, 0)
    query = index.read(text, sequence=view.sequence)
    values: list[ValueMatch] = []
    kinds = None
    if not query.groups and not query.required:
        text = ""
    elif with_values and not query.required:
        rest, values = take_values(query.plain, part.weight, view.columns)
        text = rest if values else text
    elif alone:
        kinds = named_kinds(query, view.columns)
    excluded = view.items_of(index.without(query.excluded, sequence=view.sequence))
    return AskedWords(
        part.weight, text, price, order, values, kinds, excluded[excluded >= 0], query.corrected
    )
