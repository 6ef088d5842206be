"""The filterable fields of a shop that changes: columns of all items, and layers over them.

Building columns takes time for each item. A change therefore builds columns of the changed items
only, as a layer over the older ones. An item counts in the newest layer that has it. Layers of
similar size are merged, so there are few of them after any number of changes.
"""

from __future__ import annotations

from heapq import nsmallest
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer.arrays import Mask
from indexer.errors import BadQuery
from indexer.words.folding import fold_label
from search.filters.conditions import BUILTIN, AnyOf, Match
from search.filters.grammar import quoted
from search.hits import FacetValue
from search.live.columns import Columns, casefolded
from search.live.label_index import is_amount
from search.query import MAX_FACETS

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from indexer.items import Item
    from search.filters.conditions import Filter

RATIO = 4  # a layer is merged with the one over it unless it is more than this much larger
_MAX_FACET_VALUES = 100  # of one field in an answer
_MAX_KEPT = 64  # fields whose facet of all items is kept
_MAX_CHECKBOXES = 60  # values of a field that is worth showing as a filter
_DEAD = -1


class Layer(NamedTuple):
    """Columns of some items. ``items`` is kept for merging; the lowest layer has []."""

    serial: int
    numbers: NDArray[np.int64]  # (m,) the numbers of its items
    columns: Columns
    items: list[Item]


class LayeredColumns:
    """Masks and counts over items 0 to n - 1. Immutable; ``with_changes`` makes new ones."""

    def __init__(self, layers: list[Layer], owner: NDArray[np.int64], schema: set[str]) -> None:
        """``owner`` (n,) is the serial of the layer in which each item counts; -1 if deleted."""
        self._layers = layers
        self._owner = owner
        self._schema = schema
        # Of each layer, which of its items count there and in no newer layer: (m,) each.
        self._in_use = [owner[layer.numbers] == layer.serial for layer in layers]
        self.alive: Mask = owner != _DEAD  # (n,)
        self._whole: dict[str, list[FacetValue]] = {}  # facets of all items, for searches by photo
        self._sizes: NDArray[np.int64] | None = None  # items of each product
        self._products: int | None = None  # of all items

    @classmethod
    def of(cls, items: list[Item]) -> LayeredColumns:
        """Make the columns of all items of a shop."""
        schema: set[str] = set()
        numbers = np.arange(len(items), dtype=np.int64)
        base = Layer(0, numbers, Columns(items, schema), [])
        return cls([base], np.zeros(len(items), dtype=np.int64), schema)

    def with_changes(self, items: Mapping[int, Item | None], n: int) -> LayeredColumns:
        """Return the columns after a change.

        ``items`` has the items that were added or replaced, by number, and None for those that
        were deleted. ``n`` is how many numbers are in use after the change.
        """
        owner = np.full(n, _DEAD, dtype=np.int64)
        owner[: len(self._owner)] = self._owner
        put = {number: item for number, item in items.items() if item is not None}
        owner[[number for number, item in items.items() if item is None]] = _DEAD
        layers = list(self._layers)
        if put:
            layers.append(self._new_layer(put, owner, layers[-1].serial + 1))
        while len(layers) > 2 and len(layers[-2].items) <= RATIO * len(layers[-1].items):
            upper, lower = layers.pop(), layers.pop()
            merged = {
                number: item
                for layer in (lower, upper)
                for number, item in zip(layer.numbers.tolist(), layer.items, strict=True)
                if owner[number] == layer.serial
            }
            layers.append(self._new_layer(merged, owner, upper.serial + 1))
        return LayeredColumns(layers, owner, self._schema)

    def mask(self, filter_: Filter | None) -> Mask:
        """Return which items pass: (n,). An unknown field is a BadQuery that lists the fields."""
        if filter_ is None:
            return self.alive.copy()
        out = np.zeros(len(self._owner), dtype=np.bool_)
        for layer, in_use in zip(self._layers, self._in_use, strict=True):
            out[layer.numbers] |= layer.columns.mask(filter_) & in_use
        return out

    def sort_values(self, key: str) -> NDArray[np.float64]:
        """Return a number of each item to sort by: (n,), NaN if it has none; see ``Columns``.

        BadQuery for an unknown field, and for one where no item has a number or a date.
        """
        out = np.full(len(self._owner), np.nan)
        for layer, in_use in zip(self._layers, self._in_use, strict=True):
            out[layer.numbers[in_use]] = layer.columns.sort_values(key)[in_use]
        if key != "price" and np.isnan(out).all():
            raise BadQuery(
                f"cannot sort by {key[:80]!r}: no item has a number or a date there", param="sort"
            )
        return out

    def full_name(self, key: str, param: str) -> str:
        """Return the name of a field; see ``Columns.full_name``. The layers share their fields."""
        return self._layers[0].columns.full_name(key, param)

    def has_prices(self) -> bool:
        """Return True if an item has a price; items that were deleted since may count."""
        return any(layer.columns.has_prices for layer in self._layers)

    def items_of_kind(self, key: tuple[str, ...]) -> tuple[Mask, str] | None:
        """Return the items (n,) of a category that these words name; see ``items_with``."""
        return self.items_with(key, {"category"})

    def items_with(
        self, key: tuple[str, ...], fields: Container[str] | None = None
    ) -> tuple[Mask, str] | None:
        """Return the items (n,) with a value that these words name, and the value as a filter.

        None if no item has one. ``key`` is made by ``name_key``. If several of the ``fields``, by
        default all, have such a value, an item needs one of them.
        """
        pairs = {
            pair: None
            for layer in self._layers
            for pair in layer.columns.values_with(key)
            if fields is None or pair[0] in fields
        }
        if not pairs:
            return None
        mask = self.mask(AnyOf(tuple(Match(name, (label,)) for name, label in pairs)))
        if not mask.any():
            return None
        name, label = next(iter(pairs))
        return mask, f"{quoted(name.removeprefix('attributes.'))} = {quoted(label)}"

    def facet(self, key: str, mask: Mask, product: NDArray[np.int64]) -> list[FacetValue]:
        """Count the values of a field among the items of ``mask`` (n,), most frequent first.

        ``product`` (n,) has the product of each item; pass the same one each time. Values that
        equally many items have are in alphabetical order.
        """
        if mask is not self.alive:
            return self._count_facet(key, mask, product)
        if key not in self._whole and len(self._whole) < _MAX_KEPT:
            self._whole[key] = self._count_facet(key, mask, product)
        return self._whole.get(key) or self._count_facet(key, mask, product)

    def count_products(self, mask: Mask, product: NDArray[np.int64]) -> int:
        """Return how many products the items of a mask (n,) belong to.

        ``product`` (n,) is the number of each item's product, always the same for these columns.
        The number for ``alive`` itself is computed once.
        """
        if mask is not self.alive:
            return _count_distinct(product[mask])
        if self._products is None:
            self._products = _count_distinct(product[mask])
        return self._products

    def product_sizes(self, product: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how many items each product has, by its number. It is computed once.

        ``product`` is that of ``count_products``.
        """
        if self._sizes is None:
            self._sizes = np.bincount(product[self.alive])
        return self._sizes

    def _count_facet(self, key: str, mask: Mask, product: NDArray[np.int64]) -> list[FacetValue]:
        tally = self.tally(key, mask)
        products = self._tally_products(key, mask, product)
        order = nsmallest(_MAX_FACET_VALUES, tally.items(), key=lambda pair: (-pair[1], pair[0]))
        return [FacetValue(value, count, products[fold_label(value)]) for value, count in order]

    def sizes(self, key: str) -> dict[str, int]:
        """Return how many items have each value of a field; keys are ``casefolded``."""
        return {casefolded(text): count for text, count in self.tally(key, self.alive).items()}

    def valued_fields(self) -> list[str]:
        """Return the category, then the attributes of the shop in alphabetical order."""
        return ["category", *sorted(self._attribute_fields())]

    def items_by_value(self, key: str) -> dict[str, NDArray[np.int64]]:
        """Return the items (k,) that have each value of a field, by folded value."""
        parts: dict[str, list[NDArray[np.int64]]] = {}
        for layer, in_use in zip(self._layers, self._in_use, strict=True):
            values, codes, items = layer.columns.masked_values(key, in_use)
            bounds = np.searchsorted(codes, np.arange(len(values) + 1)).tolist()
            for value, start, end in zip(values, bounds, bounds[1:], strict=False):
                if start < end:
                    found = layer.numbers[items[start:end]]
                    parts.setdefault(fold_label(value), []).append(found)
        return {value: np.concatenate(found) for value, found in parts.items()}

    def _attribute_fields(self) -> list[str]:
        names = tuple(self._schema)  # a copy: another thread may add to it
        return [name for name in names if name.startswith("attributes.")]

    def facet_fields(self) -> list[str]:
        """Return the fields that are worth showing as filters.

        They have few enough values, which are no amounts, and enough items have one. There are at
        most as many as a query may count: those that most items have.
        """
        fields = ["category"] if self.tally("category", self.alive) else []
        total = int(self.alive.sum())
        carried = {
            name: covered
            for name in sorted(self._schema)
            if name.startswith("attributes.")
            and self._entries(name) * 4 >= total  # cheap, for catalogs with thousands of fields
            and 2 <= len(tally := self.tally(name, self.alive)) <= _MAX_CHECKBOXES
            and not is_amount(name, tally)
            and (covered := self._covered(name)) * 4 >= total
        }
        room = MAX_FACETS - len(fields) - 1
        kept = sorted(sorted(carried, key=lambda name: -carried[name])[:room])
        fields.extend(
            name if (short := name.removeprefix("attributes.")) in BUILTIN else short
            for name in kept
        )
        return [*fields, "in_stock"]

    def _new_layer(self, items: Mapping[int, Item], owner: NDArray[np.int64], serial: int) -> Layer:
        """Make a layer of these items, and note in ``owner`` that they count in it."""
        numbers = np.fromiter(items, dtype=np.int64, count=len(items))
        owner[numbers] = serial
        listed = list(items.values())
        return Layer(serial, numbers, Columns(listed, self._schema), listed)

    def tally(self, key: str, mask: Mask) -> dict[str, int]:
        """Return how many items of ``mask`` have each value of a field, without zeros."""
        tally: dict[str, int] = {}
        spelling: dict[str, str] = {}  # of the oldest layer that has the value
        for layer, in_use in zip(self._layers, self._in_use, strict=True):
            part = layer.columns.tally(key, mask[layer.numbers] & in_use)
            for value, count in part.items():
                known = spelling.setdefault(fold_label(value), value)
                tally[known] = tally.get(known, 0) + count
        return tally

    def _tally_products(self, key: str, mask: Mask, product: NDArray[np.int64]) -> dict[str, int]:
        """Return how many products have an item of ``mask`` with each value, by folded value."""
        tally: dict[str, int] = {}
        scattered = self._scattered(product)
        for layer, in_use in zip(self._layers, self._in_use, strict=True):
            part = mask[layer.numbers] & in_use
            if scattered is not None:
                part &= ~scattered[layer.numbers]
            for value, count in layer.columns.tally_products(key, part).items():
                plain = fold_label(value)
                tally[plain] = tally.get(plain, 0) + count
        if scattered is not None:
            for plain, count in self._tally_scattered(key, mask & scattered, product).items():
                tally[plain] = tally.get(plain, 0) + count
        return tally

    def _scattered(self, product: NDArray[np.int64]) -> Mask | None:
        """Return which items (n,) have a product with items above the lowest layer.

        Such products may have items in several layers. None if there is one layer.
        """
        if len(self._layers) == 1 or not len(product):
            return None
        above = np.zeros(int(product.max()) + 1, dtype=np.bool_)
        for layer, in_use in zip(self._layers[1:], self._in_use[1:], strict=True):
            above[product[layer.numbers[in_use]]] = True
        return above[product] & self.alive

    def _tally_scattered(self, key: str, mask: Mask, product: NDArray[np.int64]) -> dict[str, int]:
        """Do what ``_tally_products`` does for products with items in several layers."""
        places: dict[str, int] = {}  # of each folded value
        pairs: list[NDArray[np.int64]] = []  # place * products + product
        products = int(product.max()) + 1
        for layer, in_use in zip(self._layers, self._in_use, strict=True):
            values, codes, items = layer.columns.masked_values(key, mask[layer.numbers] & in_use)
            place_of = np.zeros(len(values), dtype=np.int64)
            for code in np.flatnonzero(np.bincount(codes, minlength=len(values))):
                place_of[code] = places.setdefault(fold_label(values[code]), len(places))
            pairs.append(place_of[codes] * products + product[layer.numbers[items]])
        different = np.sort(np.concatenate(pairs))  # several times as fast as np.unique
        first = np.ones(len(different), dtype=np.bool_)
        first[1:] = different[1:] != different[:-1]
        counts = np.bincount(different[first] // products, minlength=len(places))
        return dict(zip(places, counts.tolist(), strict=True))

    def _entries(self, key: str) -> int:
        """Return an upper bound of how many items have a value of a field, without masks."""
        return sum(layer.columns.entries(key) for layer in self._layers)

    def _covered(self, key: str) -> int:
        return sum(
            layer.columns.covered(key, in_use)
            for layer, in_use in zip(self._layers, self._in_use, strict=True)
        )


def _count_distinct(numbers: NDArray[np.int64]) -> int:
    """Return how many of these numbers from 0 on (n,) are distinct."""
    if not len(numbers):
        return 0
    seen = np.zeros(int(numbers.max()) + 1, dtype=np.bool_)
    seen[numbers] = True
    return int(np.count_nonzero(seen))
