"""The filterable fields of all items, as columns in memory.

Items are numbers 0 to n - 1 here; a mask is bool (n,).
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from functools import cached_property
from heapq import nsmallest
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from indexer.catalog.stock import parse_stock
from indexer.errors import BadQuery
from indexer.words.folding import fold_label
from indexer.words.spellings import LONGEST_NAME, name_key
from search.filters.conditions import (
    BUILTIN,
    AllOf,
    AnyOf,
    Condition,
    Contains,
    DateRange,
    Filter,
    Match,
    Missing,
    Not,
    Range,
    Value,
)
from search.filters.dates import parse_date
from search.hits import FacetValue
from search.live.text_column import TextColumn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from indexer.items import AttributeValue, Item

Mask: TypeAlias = NDArray[np.bool_]

_MAX_FACET_VALUES = 100
_NO_FACETS = {
    "price": "price is a number: filter it by range, it has no facet",
    "title": "title has no facet: filter it with contains",
}
_YES_OR_NO = ("true", "false", "yes", "no")
_MAX_NAMED_VALUES = 2000  # of one field that words of a query may name
_IDS = ("item_id", "product_id")  # o and ø may be different items


class _LabelIndex:
    """One field: which items have which value. A value is shown in its first spelling."""

    def __init__(
        self, pairs: Iterable[tuple[int, str]], n: int, key: Callable[[str], str] = fold_label
    ) -> None:
        """``pairs`` are item numbers and values; those of one item follow each other.

        Values with the same ``key`` are equal.
        """
        self._key = key
        codes: dict[str, int] = {}
        self.spelling: list[str] = []
        item_list: list[int] = []
        code_list: list[int] = []
        last, known = -1, set[str]()  # a value that an item has in two spellings counts once
        for item, label in pairs:
            plain = key(label)
            if item != last:
                last, known = item, set()
            if plain in known:
                continue
            known.add(plain)
            if plain not in codes:
                codes[plain] = len(codes)
                self.spelling.append(label)
            item_list.append(item)
            code_list.append(codes[plain])
        self._codes = codes
        self._numbers: NDArray[np.float64] | None = None  # of each value; made on first use
        self._dates: NDArray[np.float64] | None = None  # the same
        self._n = n
        order = np.argsort(np.array(code_list, dtype=np.int64), kind="stable")
        self._items = np.array(item_list, dtype=np.int64)[order]  # (entries,), grouped by code
        self._entry_codes = np.array(code_list, dtype=np.int64)[order]  # (entries,), rising
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

    @property
    def entries(self) -> int:
        """The number of pairs of an item and a value."""
        return len(self._items)

    def covered(self, mask: Mask) -> int:
        """Return how many items of the mask have any value."""
        return int(np.unique(self._items[mask[self._items]]).size)

    def mask_in_range(self, range_: Range) -> Mask:
        """Return which items have a number within the range."""
        return self._mask_of_values(_in_range(self.numbers(), range_))

    def mask_in_dates(self, range_: DateRange) -> Mask:
        """Return which items have a date within the range."""
        dates = self.dates()
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

    def numbers(self) -> NDArray[np.float64]:
        """Return each value as a number, NaN if it is none: (values,)."""
        if self._numbers is None:
            self._numbers = np.array([_as_number(text) for text in self.spelling], np.float64)
        return self._numbers

    def dates(self) -> NDArray[np.float64]:
        """Return each value as seconds since 1970, NaN if it is no date: (values,)."""
        if self._dates is None:
            periods = [parse_date(text) for text in self.spelling]
            starts = [period.start if period else np.nan for period in periods]
            self._dates = np.array(starts, np.float64)
        return self._dates

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


class Columns:
    """Masks and counts over some items of a shop, in the order they were given."""

    def __init__(self, items: Sequence[Item], schema: set[str] | None = None) -> None:
        """``schema`` is the set of all field names of a shop; those of these items are added.

        Columns that share a schema treat a field that their own items lack as empty, not unknown.
        """
        n = len(items)
        self._n = n
        self.price = np.array(
            [np.nan if item.price is None else item.price for item in items], dtype=np.float64
        )
        pairs: dict[str, list[tuple[int, str]]] = defaultdict(list)
        for number, item in enumerate(items):
            pairs["item_id"].append((number, item.item_id))
            pairs["product_id"].append((number, item.product_id))
            pairs["in_stock"].append((number, _as_label(item.in_stock)))
            if item.currency:
                pairs["currency"].append((number, item.currency))
            for category in item.categories:
                pairs["category"].extend((number, path) for path in _with_ancestors(category))
            for name, value in item.attributes.items():
                pairs[f"attributes.{name}"].extend((number, label) for label in _as_labels(value))
        for name in BUILTIN:
            pairs.setdefault(name, [])
        self._titles = TextColumn(fold_label(item.title.strip()) for item in items)
        self._fields = {
            name: _LabelIndex(entries, n, casefolded if name in _IDS else fold_label)
            for name, entries in pairs.items()
        }
        self._empty = _LabelIndex([], n)
        self._schema = set[str]() if schema is None else schema
        self._schema.update(pairs)
        self._values: defaultdict[tuple[str, ...], list[tuple[str, str]]] | None = None

    @cached_property
    def has_prices(self) -> bool:
        """True if any item has a price."""
        return bool(np.isfinite(self.price).any())

    def mask(self, filter_: Filter | None) -> Mask:
        """Return which items pass: (n,). An unknown field is a BadQuery that lists the fields."""
        if filter_ is None:
            return np.ones(self._n, dtype=np.bool_)
        if isinstance(filter_, Condition):
            return self._condition_mask(filter_)
        if isinstance(filter_, Not):
            return np.logical_not(self.mask(filter_.part))
        out = np.full(self._n, isinstance(filter_, AllOf))
        for part in filter_.parts:
            if isinstance(filter_, AnyOf):
                out |= self.mask(part)
            else:
                out &= self.mask(part)
        return out

    def facet(self, key: str, mask: Mask) -> list[FacetValue]:
        """Count the values of a field among the items of ``mask``, most frequent first."""
        return top_values(self.tally(key, mask))

    def tally(self, key: str, mask: Mask) -> dict[str, int]:
        """Return how many items of ``mask`` have each value of a field, without zeros."""
        if key in _NO_FACETS:
            raise BadQuery(_NO_FACETS[key], param="facets")
        field = self._field(self._full_name(key, param="facets"))
        counts = field.counts(mask)  # (values,)
        return {field.spelling[code]: int(counts[code]) for code in np.flatnonzero(counts)}

    def entries(self, key: str) -> int:
        """Return how many values of a field all items have together."""
        return self._field(self._full_name(key)).entries

    def covered(self, key: str, mask: Mask) -> int:
        """Return how many items of ``mask`` have any value of a field."""
        return self._field(self._full_name(key)).covered(mask)

    def values_with(self, key: tuple[str, ...]) -> list[tuple[str, str]]:
        """Return the fields and values that have these words, see ``name_key``."""
        if self._values is None:  # made on first use
            self._values = defaultdict(list)
            for name, field in self._fields.items():
                if name not in BUILTIN or name == "category":
                    for label in field.spelling[:_MAX_NAMED_VALUES]:
                        for words in _keys_of(name, label):
                            self._values[words].append((name, label))
        return self._values.get(key, [])

    def sort_values(self, key: str) -> NDArray[np.float64]:
        """Return a number of each item to sort by: (n,), NaN if it has none.

        Dates are seconds since 1970. Of several values, the least counts. An unknown field is a
        BadQuery.
        """
        name = self._full_name(key, param="sort")
        if name == "price":
            return self.price
        field = self._field(name)
        values = field.numbers()
        if np.isnan(values).all():
            values = field.dates()
        return field.least(values)

    def _condition_mask(self, condition: Condition) -> Mask:
        key = self._full_name(condition.key)
        if key == "price":
            return self._price_mask(condition)
        if key == "title":
            return self._title_mask(condition)
        field = self._field(key)
        match condition:
            case Match():
                return self._match_mask(key, condition)
            case Range():
                return field.mask_in_range(condition)
            case DateRange():
                return field.mask_in_dates(condition)
            case Contains():
                return field.mask_containing(condition.text)
            case Missing():
                return field.mask_missing()

    def _price_mask(self, condition: Condition) -> Mask:
        if isinstance(condition, Range):
            return _in_range(self.price, condition)
        if isinstance(condition, Missing):
            return np.isnan(self.price)
        if isinstance(condition, Match):
            wanted = [_as_number(str(value)) for value in condition.values]
            known = [number for number in wanted if number == number]
            if known or not wanted:
                return np.isin(self.price, np.array(known))
            raise BadQuery(
                f"price is a number, got {str(condition.values[0])[:40]!r}; price = null finds "
                "items without a price",
                param="filter",
            )
        raise BadQuery("price is a number; it is no date and no text", param="filter")

    def _title_mask(self, condition: Condition) -> Mask:
        match condition:
            case Match():
                out = np.zeros(self._n, dtype=np.bool_)
                for value in condition.values:
                    out |= self._titles.equal(fold_label(_as_label(value)))
                return out
            case Contains():
                return self._titles.containing(fold_label(condition.text))
            case Missing():
                return self._titles.empty()
        raise BadQuery("title is a text: it has no range; filter it with contains", param="filter")

    def _match_mask(self, key: str, match: Match) -> Mask:
        labels = [_as_label(value) for value in match.values]
        if key == "in_stock":
            labels = [_as_label(_parse_stock(label)) for label in labels]
        if key == "category":
            labels = [label.strip("/") for label in labels]
        return self._field(key).mask(labels)

    def _field(self, name: str) -> _LabelIndex:
        return self._fields.get(name, self._empty)

    def _full_name(self, key: str, param: str = "filter") -> str:
        if key in BUILTIN or key in self._schema:
            return key
        if f"attributes.{key}" in self._schema:
            return f"attributes.{key}"
        names = tuple(self._schema)  # a copy: another thread may add to it
        known = [name.removeprefix("attributes.") for name in names if name not in BUILTIN]
        shown = ", ".join([*BUILTIN, *sorted(known)][:40])
        kind = param.removesuffix("s")  # filter, facet or sort
        raise BadQuery(f"unknown {kind} field {key[:80]!r}; this shop has {shown}", param=param)


def casefolded(text: str) -> str:
    """Fold case, and the two ways of writing accents, so that equal values compare as equal."""
    return unicodedata.normalize("NFC", text).casefold()


def top_values(tally: dict[str, int]) -> list[FacetValue]:
    """Return the most frequent values first; those of equal count in alphabetical order."""
    order = nsmallest(_MAX_FACET_VALUES, tally.items(), key=lambda pair: (-pair[1], pair[0]))
    return [FacetValue(value, count) for value, count in order]


def _keys_of(field: str, label: str) -> set[tuple[str, ...]]:
    """Return the words that name a value. Of a category, the last level counts, and its parts."""
    folded = fold_label(label)
    if folded in _YES_OR_NO:
        return set()
    if field == "category":
        last = folded.rpartition("/")[2]
        names = [last, *re.split(r"&|,|\band\b", last)]
    else:
        names = [] if _as_number(folded) == _as_number(folded) else [folded]
    return {key for name in names if (key := name_key(name)) and len(key) <= LONGEST_NAME}


def _with_ancestors(path: str) -> list[str]:
    """Return a path and all paths above it, so that a filter on ``a`` finds items of ``a/b``."""
    parts = [part for part in path.split("/") if part]
    return ["/".join(parts[: depth + 1]) for depth in range(len(parts))]


def _as_labels(value: AttributeValue) -> list[str]:
    return [_as_label(part) for part in value] if isinstance(value, list) else [_as_label(value)]


def _as_label(value: Value) -> str:
    """Return a value as text, so that 5.0 equals "5", and True equals "true"."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):  # not as a float, which would lose digits of a long article number
        return str(value)
    if isinstance(value, float):
        whole = value.is_integer() and abs(value) < 1e16
        return str(int(value)) if whole else f"{value:.12g}"
    return value.strip()


def _parse_stock(label: str) -> bool:
    try:
        return parse_stock(label)
    except ValueError as error:
        raise BadQuery(str(error), param="filter") from None


def _in_range(numbers: NDArray[np.float64], range_: Range) -> Mask:
    above = numbers >= range_.above if range_.above_included else numbers > range_.above
    below = numbers <= range_.below if range_.below_included else numbers < range_.below
    return np.asarray(above & below, dtype=np.bool_)  # comparisons with NaN are false


def _as_number(text: str) -> float:
    try:
        number = float("nan" if "_" in text else text)  # Python reads 1_000 as a number
    except ValueError:
        return float("nan")
    return number if abs(number) != float("inf") else float("nan")
