"""What a catalog states about items, as numbers: words of categories and attributes, and sizes.

A number, such as a price or a year, becomes one column for each of some bounds: whether it is at
least that. All columns are 0 or ``SCALE``, so that an item's facts weigh about as much as its
picture, a unit vector.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
import numpy as np

from indexer.errors import BadQuery

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from search.live.layers import LayeredColumns

SCALE: Final = 0.5
_FEWEST: Final = 5  # items with a word
_MOST_WORDS: Final = 256  # those that most items have
_MOST_NUMBERS: Final = 8  # fields of numbers, those that most items have
_MOST_FIELDS: Final = 200  # of a catalog, in alphabetical order
_BOUNDS: Final = 7  # of a field of numbers
_FEW_VALUES: Final = 12  # a field with no more values is one of words, such as shoe sizes
_WORD: Final = re.compile(r"\w+")


class ItemFacts(NamedTuple):
    """The facts of items 0 to n - 1: the items (k,) that have a word, and numbers (n,) by field.

    Words begin with their field. A number is NaN where an item has none.
    """

    words: Mapping[str, NDArray[np.int64]]
    numbers: Mapping[str, NDArray[np.float64]]


class FactCode(msgspec.Struct, frozen=True):
    """The columns that facts become: words, then fields with a bound each."""

    words: list[str] = []
    bounds: list[tuple[str, float]] = []

    def __len__(self) -> int:
        """The number of columns."""
        return len(self.words) + len(self.bounds)

    def columns(self, facts: ItemFacts) -> list[NDArray[np.int64]]:
        """Return the items of which each column is true, in the order of columns: (k,) each."""
        nothing = np.zeros(0, dtype=np.int64)
        by_word = [facts.words.get(word, nothing) for word in self.words]
        by_number = [
            np.flatnonzero(facts.numbers[field] >= bound) if field in facts.numbers else nothing
            for field, bound in self.bounds
        ]
        return [*by_word, *by_number]

    def table(self, facts: ItemFacts, count: int) -> NDArray[np.float32]:
        """Return the columns of all items: (count, columns)."""
        found = np.zeros((count, len(self)), dtype=np.float32)
        for place, items in enumerate(self.columns(facts)):
            found[items, place] = SCALE
        return found


def facts_of(columns: LayeredColumns) -> ItemFacts:
    """Return the facts of the items of a view that are alive: categories, attributes, the price."""
    words: dict[str, NDArray[np.int64]] = {}
    numbers: dict[str, NDArray[np.float64]] = {}
    for field in ("price", *columns.valued_fields()[:_MOST_FIELDS]):
        values = _numbers(columns, field)
        if values is not None:
            numbers[field] = values
        elif field != "price":
            by_word: dict[str, list[NDArray[np.int64]]] = {}
            for label, items in columns.items_by_value(field).items():
                for word in dict.fromkeys(_WORD.findall(label)):
                    by_word.setdefault(f"{field}: {word}", []).append(items)
            words |= {word: np.unique(np.concatenate(found)) for word, found in by_word.items()}
    return ItemFacts(words, numbers)


def choose_code(facts: ItemFacts) -> FactCode:
    """Return the columns for the facts of a catalog: what many items have, and what differs."""
    sizes = {word: len(items) for word, items in facts.words.items() if len(items) >= _FEWEST}
    words = sorted(sizes, key=lambda word: (-sizes[word], word))[:_MOST_WORDS]
    known = {field: values[~np.isnan(values)] for field, values in facts.numbers.items()}
    fields = sorted(known, key=lambda field: (-len(known[field]), field))[:_MOST_NUMBERS]
    bounds: list[tuple[str, float]] = []
    for field in fields:
        if len(known[field]) >= _FEWEST:
            shares = np.linspace(0, 1, _BOUNDS + 2)[1:-1]
            values = np.unique(np.quantile(known[field], shares, method="nearest"))
            bounds.extend((field, value) for value in values.tolist() if value > known[field].min())
    return FactCode(sorted(words), bounds)


def _numbers(columns: LayeredColumns, field: str) -> NDArray[np.float64] | None:
    """Return the numbers of a field (n,); None if it is not one of numbers."""
    try:
        values = columns.sort_values(field)
    except BadQuery:  # no item has a number there
        return None
    is_number = ~np.isnan(values)
    if len(np.unique(values[is_number])) <= _FEW_VALUES:
        return None
    if field == "price":
        return values
    covered = sum(len(items) for items in columns.items_by_value(field).values())
    return values if is_number.sum() >= 0.9 * covered else None
