"""The values of one field, and the items that have each of them."""

from __future__ import annotations

import re
from functools import cached_property
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np

from indexer.catalog.columnnames import loose_key
from indexer.catalog.columnwords import ROLES
from indexer.words.folding import fold_label
from search.filters.dates import parse_date

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from indexer.arrays import Mask
    from search.filters.conditions import DateRange, Range

_PRICE = frozenset(ROLES["price"])
_AMOUNT = re.compile(r"\d+(?:[.,' ]\d+)*")  # one in 1,299.00 USD, two in 20-50


class LabelIndex:
    """One field: which items have which value. A value is shown in its first spelling."""

    def __init__(
        self,
        pairs: Iterable[tuple[int, str]],
        products: NDArray[np.int64],
        key: Callable[[str], str] = fold_label,
    ) -> None:
        """``pairs`` are item numbers and values, in any order.

        ``products`` (n,) has the product of each item. Values with the same ``key`` are equal.
        """
        self._key = key
        codes: dict[str, int] = {}
        self.spelling: list[str] = []
        item_list: list[int] = []
        code_list: list[int] = []
        for item, label in pairs:
            code = codes.setdefault(key(label), len(codes))
            if code == len(self.spelling):
                self.spelling.append(label)
            item_list.append(item)
            code_list.append(code)
        self._codes = codes
        self._n = len(products)
        self._products = products
        items = np.array(item_list, dtype=np.int64)  # (entries,)
        item_codes = np.array(code_list, dtype=np.int64)  # (entries,)
        # By product within a code, so that products are counted without sorting.
        order = np.lexsort((items, products[items], item_codes))
        if len(order):  # a value that an item has in two spellings counts once
            same = np.diff(items[order], prepend=-1) == 0
            same &= np.diff(item_codes[order], prepend=-1) == 0
            order = order[~same]
        self._items = items[order]  # (entries,), grouped by code
        self._entry_codes = item_codes[order]  # (entries,), rising
        self._starts = np.searchsorted(self._entry_codes, np.arange(len(codes) + 1))

    def mask(self, labels: Sequence[str]) -> Mask:
        """Return which items have one of these values."""
        found = np.zeros(self._n, dtype=np.bool_)
        for label in labels:
            code = self._codes.get(self._key(label))
            if code is not None:
                found[self._items[self._starts[code] : self._starts[code + 1]]] = True
        return found

    def counts(self, mask: Mask) -> NDArray[np.int64]:
        """Return how many items of the mask have each value: (values,)."""
        codes = self._entry_codes[mask[self._items]]
        return np.bincount(codes, minlength=len(self.spelling)).astype(np.int64)

    def product_counts(self, mask: Mask) -> NDArray[np.int64]:
        """Return how many products have an item of the mask with each value: (values,)."""
        codes, items = self.masked(mask)
        products = self._products[items]
        first = np.ones(len(codes), dtype=np.bool_)
        first[1:] = (codes[1:] != codes[:-1]) | (products[1:] != products[:-1])
        return np.bincount(codes[first], minlength=len(self.spelling)).astype(np.int64)

    def masked(self, mask: Mask) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the codes of values, rising, and the items that have them, of a mask: (e,) each.

        A code is a place in ``spelling``.
        """
        kept = mask[self._items]
        return self._entry_codes[kept], self._items[kept]

    @property
    def entries(self) -> int:
        """The number of pairs of an item and a value."""
        return len(self._items)

    def covered(self, mask: Mask) -> int:
        """Return how many items of the mask have any value."""
        return int(np.unique(self._items[mask[self._items]]).size)

    def mask_in_range(self, range_: Range) -> Mask:
        """Return which items have a number within the range."""
        return self._mask_of_values(in_range(self.numbers, range_))

    def mask_in_dates(self, range_: DateRange) -> Mask:
        """Return which items have a date within the range."""
        dates = self.dates
        return self._mask_of_values((dates >= range_.since) & (dates < range_.until))

    def mask_containing(self, text: str) -> Mask:
        """Return which items have a value that contains ``text``."""
        wanted = self._key(text)
        return self._mask_of_values(np.array([wanted in plain for plain in self._codes], np.bool_))

    def mask_missing(self) -> Mask:
        """Return which items have no value."""
        out = np.ones(self._n, dtype=np.bool_)
        out[self._items] = False
        return out

    @cached_property
    def numbers(self) -> NDArray[np.float64]:
        """Each value as a number, NaN for other texts: (values,)."""
        return np.array([as_number(text) for text in self.spelling], np.float64)

    @cached_property
    def dates(self) -> NDArray[np.float64]:
        """Each value as seconds since 1970, NaN for texts that are not dates: (values,)."""
        periods = [parse_date(text) for text in self.spelling]
        return np.array([period.start if period else np.nan for period in periods], np.float64)

    def least(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the least of each item's values (values,), ignoring NaN: (n,), NaN if none."""
        out = np.full(self._n, np.nan)
        np.fmin.at(out, self._items, values[self._entry_codes])
        return out

    def _mask_of_values(self, wanted: Mask) -> Mask:
        """Return which items have any of the values in ``wanted`` (values,)."""
        found = np.zeros(self._n, dtype=np.bool_)
        if len(self._items):
            found[self._items[wanted[self._entry_codes]]] = True
        return found


def in_range(numbers: NDArray[np.float64], range_: Range) -> Mask:
    """Return which numbers (n,) are within a range: (n,), False for NaN."""
    above = numbers >= range_.above if range_.above_included else numbers > range_.above
    below = numbers <= range_.below if range_.below_included else numbers < range_.below
    return np.asarray(above & below, dtype=np.bool_)  # comparisons with NaN are false


def as_number(text: str) -> float:
    """Return the finite number that a text is, or NaN."""
    try:
        number = float("nan" if "_" in text else text)  # Python reads 1_000 as a number
    except ValueError:
        return float("nan")
    return number if abs(number) != float("inf") else float("nan")


def is_amount(name: str, tally: Mapping[str, int]) -> bool:
    """Return True if a shopper would give a range of a field, rather than choose its values.

    That is a price by its name, such as an old price; and numbers that hardly two items share.
    ``tally`` is how many items have each value.
    """
    if not _PRICE.isdisjoint(loose_key(name).split()):
        return all(len(_AMOUNT.findall(value)) == 1 for value in tally)
    return sum(tally.values()) < 2 * len(tally) and all(map(isfinite, map(as_number, tally)))
