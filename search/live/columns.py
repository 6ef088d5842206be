"""The filterable fields of all items, as columns in memory.

Items are numbers 0 to n - 1 here; a mask is bool (n,).
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np

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
from search.live.label_index import LabelIndex, as_number, in_range
from search.live.text_column import TextColumn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from indexer.arrays import Mask
    from indexer.items import AttributeValue, Item

_NO_FACETS = {
    "price": "price is a number: filter it by range, it has no facet",
    "title": "title has no facet: filter it with contains",
}
_YES_OR_NO = ("true", "false", "yes", "no")
_MAX_NAMED_VALUES = 2000  # of one field that words of a query may name
_IDS = ("item_id", "product_id")  # o and ø may be different items


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
        known: dict[str, int] = {}
        products = np.array(  # (n,): a number of each item's product
            [known.setdefault(item.product_id, len(known)) for item in items], np.int64
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
                pairs[f"attributes.{name}"].extend((number, label) for label in as_labels(value))
        for name in BUILTIN:
            pairs.setdefault(name, [])
        self._titles = TextColumn(fold_label(item.title.strip()) for item in items)
        self._fields = {
            name: LabelIndex(entries, products, casefolded if name in _IDS else fold_label)
            for name, entries in pairs.items()
        }
        self._empty = LabelIndex([], products)
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

    def full_name(self, key: str, param: str = "filter") -> str:
        """Return the name of the field that a query calls ``key``: ``attributes.color`` for color.

        BadQuery for an unknown one; it names ``param``, the field of the query.
        """
        if key in BUILTIN or key in self._schema:
            return key
        if f"attributes.{key}" in self._schema:
            return f"attributes.{key}"
        names = tuple(self._schema)  # a copy: another thread may add to it
        known = [name.removeprefix("attributes.") for name in names if name not in BUILTIN]
        shown = ", ".join([*BUILTIN, *sorted(known)][:40])
        kind = {"facets": "facet", "swatches": "swatch"}.get(param, param)  # or filter, or sort
        raise BadQuery(f"unknown {kind} field {key[:80]!r}; this shop has {shown}", param=param)

    def tally(self, key: str, mask: Mask) -> dict[str, int]:
        """Return how many items of ``mask`` have each value of a field, without zeros."""
        field = self._facet_field(key)
        return _by_spelling(field, field.counts(mask))

    def tally_products(self, key: str, mask: Mask) -> dict[str, int]:
        """Return how many products have an item of ``mask`` with each value, without zeros."""
        field = self._facet_field(key)
        return _by_spelling(field, field.product_counts(mask))

    def masked_values(
        self, key: str, mask: Mask
    ) -> tuple[list[str], NDArray[np.int64], NDArray[np.int64]]:
        """Return the values of a field, and where the items of ``mask`` have them.

        These are the places of values in the list, rising, and the items: (e,) each.
        """
        field = self._facet_field(key)
        return field.spelling, *field.masked(mask)

    def entries(self, key: str) -> int:
        """Return how many values of a field all items have together."""
        return self._field(self.full_name(key)).entries

    def covered(self, key: str, mask: Mask) -> int:
        """Return how many items of ``mask`` have any value of a field."""
        return self._field(self.full_name(key)).covered(mask)

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
        name = self.full_name(key, param="sort")
        if name == "price":
            return self.price
        field = self._field(name)
        values = field.dates if np.isnan(field.numbers).all() else field.numbers
        return field.least(values)

    def _condition_mask(self, condition: Condition) -> Mask:
        key = self.full_name(condition.key)
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
            return in_range(self.price, condition)
        if isinstance(condition, Missing):
            return np.isnan(self.price)
        if isinstance(condition, Match):
            wanted = [as_number(str(value)) for value in condition.values]
            known = [number for number in wanted if number == number]
            if known or not wanted:
                return np.isin(self.price, np.array(known))
            raise BadQuery(
                f"price is a number, got {str(condition.values[0])[:40]!r}; price = null finds "
                "items without a price",
                param="filter",
            )
        raise BadQuery(
            "price is a number: filter it by a number, a range of numbers or null", param="filter"
        )

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
        raise BadQuery("title is a text: filter it with contains, not by a range", param="filter")

    def _match_mask(self, key: str, match: Match) -> Mask:
        labels = [_as_label(value) for value in match.values]
        if key == "in_stock":
            labels = [_as_label(_parse_stock(label)) for label in labels]
        if key == "category":
            labels = [label.strip("/") for label in labels]
        return self._field(key).mask(labels)

    def _facet_field(self, key: str) -> LabelIndex:
        if key in _NO_FACETS:
            raise BadQuery(_NO_FACETS[key], param="facets")
        return self._field(self.full_name(key, param="facets"))

    def _field(self, name: str) -> LabelIndex:
        return self._fields.get(name, self._empty)


def casefolded(text: str) -> str:
    """Fold case, and the two ways of writing accents, so that equal values compare as equal."""
    return unicodedata.normalize("NFC", text).casefold()


def _by_spelling(field: LabelIndex, counts: NDArray[np.int64]) -> dict[str, int]:
    return {field.spelling[code]: int(counts[code]) for code in np.flatnonzero(counts)}


def _keys_of(field: str, label: str) -> set[tuple[str, ...]]:
    """Return the words that name a value. Of a category, the last level counts, and its parts."""
    folded = fold_label(label)
    if folded in _YES_OR_NO:
        return set()
    if field == "category":
        last = folded.rpartition("/")[2]
        names = [last, *re.split(r"&|,|\band\b", last)]
    else:
        names = [] if as_number(folded) == as_number(folded) else [folded]
    return {key for name in names if (key := name_key(name)) and len(key) <= LONGEST_NAME}


@lru_cache(maxsize=4096)
def _with_ancestors(path: str) -> tuple[str, ...]:
    """Return a path and all paths above it, so that a filter on ``a`` finds items of ``a/b``."""
    parts = [part for part in path.split("/") if part]
    return tuple("/".join(parts[: depth + 1]) for depth in range(len(parts)))


def as_labels(value: AttributeValue) -> list[str]:
    """Return the values of an attribute as texts; see ``_as_label``."""
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
