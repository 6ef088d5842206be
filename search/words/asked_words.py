"""Interpret the words of a query by what one view of a shop has."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from search.words.price_words import described, take_price
from search.words.value_words import ValueMatch, take_values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from indexer.words.lexical import LexicalIndex
    from search.filters.jsonform import Range
    from search.live.view import ShopView
    from search.parts import Part


class AskedWords(NamedTuple):
    """The words of one part.

    ``text`` is what is searched for; empty if the words name only a price or values. ``price`` is
    a limit that was among them. ``values`` are the values of fields that they name, for queries
    with a picture. ``excluded`` are the items with a word after a minus (m,). ``corrected`` is
    the text with mistyped words replaced; empty if there are none.
    """

    weight: float
    text: str
    price: Range | None
    values: list[ValueMatch]
    excluded: NDArray[np.integer]
    corrected: str

    @property
    def understood(self) -> list[str]:
        """The price and the values, as a filter has them."""
        price = [] if self.price is None else [described(self.price)]
        return price + [value.condition for value in self.values if value.weight > 0]


def ask_words(
    parts: Sequence[Part], view: ShopView, index: LexicalIndex, *, with_values: bool
) -> list[AskedWords]:
    """Interpret the words of each part that has words, in the order of the parts.

    ``with_values`` looks for values of fields. With an index of an earlier version, all words are
    searched for as they are, as that version did.
    """
    return [
        _interpret(part, part.words, view, index, with_values=with_values)
        for part in parts
        if part.words is not None
    ]


def _interpret(
    part: Part, text: str, view: ShopView, index: LexicalIndex, *, with_values: bool
) -> AskedWords:
    if index.is_plain:
        return AskedWords(part.weight, text, None, [], np.zeros(0, dtype=np.int64), "")
    price = None
    priced = take_price(text) if part.weight > 0 and view.columns.has_prices() else None
    if priced is not None and (priced.text or with_values):
        text, price = priced
    query = index.read(text, sequence=view.sequence)
    values: list[ValueMatch] = []
    if with_values and text:
        text, values = take_values(query.corrected or text, part.weight, view.columns)
    excluded = view.items_of(index.without(query.excluded, sequence=view.sequence))
    return AskedWords(part.weight, text, price, values, excluded[excluded >= 0], query.corrected)
