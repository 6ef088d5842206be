"""The filterable fields of a shop that changes: columns of all items, and layers of changed ones.

Building columns costs time for every item, so a change builds columns of what changed only, as
a layer over the older ones. An item counts in the newest layer that holds it. Layers of like
size are joined, so there are few of them however many changes come.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from search.filters import BUILTIN
from search.live.columns import Columns, Mask, casefolded, top_values
from search.query import MAX_FACETS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from indexer.items import Item
    from search.filters import Filter
    from search.hits import FacetValue

RATIO = 4  # a layer at most this much larger than the one over it is joined with it
_OFFERED_VALUES = 60  # a field with more values is no use as a list of checkboxes
_DEAD = -1


class Layer(NamedTuple):
    """Columns of some items. ``items`` is kept for joining, except of the lowest layer."""

    serial: int
    numbers: NDArray[np.int64]  # (m,) the numbers of its items
    columns: Columns
    items: list[Item]


class LayeredColumns:
    """Masks and counts over items 0 to n - 1. Immutable; a change gives new columns."""

    def __init__(self, layers: list[Layer], owner: NDArray[np.int64], schema: set[str]) -> None:
        """``owner`` (n,) is the serial of the layer where each item counts, -1 for none."""
        self._layers = layers
        self._owner = owner
        self._schema = schema
        self._counts = [owner[layer.numbers] == layer.serial for layer in layers]  # (m,) each
        self.alive: Mask = owner != _DEAD  # (n,)

    @classmethod
    def of(cls, items: list[Item]) -> LayeredColumns:
        """The columns of all items of a shop."""
        schema: set[str] = set()
        numbers = np.arange(len(items), dtype=np.int64)
        base = Layer(0, numbers, Columns(items, schema), [])
        return cls([base], np.zeros(len(items), dtype=np.int64), schema)

    def changed(self, items: Mapping[int, Item | None], n: int) -> LayeredColumns:
        """The columns after some items, by number, were replaced, added or (None) deleted.

        ``n`` is how many numbers are in use now.
        """
        owner = np.full(n, _DEAD, dtype=np.int64)
        owner[: len(self._owner)] = self._owner
        put = {number: item for number, item in items.items() if item is not None}
        owner[[number for number, item in items.items() if item is None]] = _DEAD
        layers = list(self._layers)
        if put:
            layers.append(self._layer(put, owner, layers[-1].serial + 1))
        while len(layers) > 2 and len(layers[-2].items) <= RATIO * len(layers[-1].items):
            upper, lower = layers.pop(), layers.pop()
            both = {
                number: item
                for layer in (lower, upper)
                for number, item in zip(layer.numbers.tolist(), layer.items, strict=True)
                if owner[number] == layer.serial
            }
            layers.append(self._layer(both, owner, upper.serial + 1))
        return LayeredColumns(layers, owner, self._schema)

    def mask(self, filter_: Filter | None) -> Mask:
        """Which items pass: (n,). BadQuery, listing the fields, when a key is none."""
        if filter_ is None:
            return self.alive.copy()
        out = np.zeros(len(self._owner), dtype=np.bool_)
        for layer, counts in zip(self._layers, self._counts, strict=True):
            out[layer.numbers] |= layer.columns.mask(filter_) & counts
        return out

    def facet(self, key: str, mask: Mask) -> list[FacetValue]:
        """The values of a field among the items of ``mask``, most frequent first."""
        return top_values(self._tally(key, mask))

    def sizes(self, key: str) -> dict[str, int]:
        """How many items carry each value of a field; values as ``casefolded`` has them."""
        return {casefolded(text): count for text, count in self._tally(key, self.alive).items()}

    def offered(self) -> list[str]:
        """The fields worth offering as filters: few enough values, on enough items.

        As many as one query may count: of more, those that most items carry.
        """
        named = ["category"] if self._tally("category", self.alive) else []
        total = int(self.alive.sum())
        carried = {
            name: covered
            for name in sorted(self._schema)
            if name.startswith("attributes.")
            and self._entries(name) * 4 >= total  # a catalog may have a field for every item
            and 2 <= len(self._tally(name, self.alive)) <= _OFFERED_VALUES
            and (covered := self._covered(name)) * 4 >= total
        }
        room = MAX_FACETS - len(named) - 1
        kept = sorted(sorted(carried, key=lambda name: -carried[name])[:room])
        named.extend(
            name if (short := name.removeprefix("attributes.")) in BUILTIN else short
            for name in kept
        )
        return [*named, "in_stock"]

    def _layer(self, items: Mapping[int, Item], owner: NDArray[np.int64], serial: int) -> Layer:
        """A layer of these items, which from now on count there."""
        numbers = np.fromiter(items, dtype=np.int64, count=len(items))
        owner[numbers] = serial
        listed = list(items.values())
        return Layer(serial, numbers, Columns(listed, self._schema), listed)

    def _tally(self, key: str, mask: Mask) -> dict[str, int]:
        tally: dict[str, int] = {}
        spelling: dict[str, str] = {}  # of the oldest layer that has the value
        for layer, counts in zip(self._layers, self._counts, strict=True):
            part = layer.columns.tally(key, mask[layer.numbers] & counts)
            for value, count in part.items():
                known = spelling.setdefault(casefolded(value), value)
                tally[known] = tally.get(known, 0) + count
        return tally

    def _entries(self, key: str) -> int:
        """How many items carry a value of a field at most, told without looking at any of them."""
        return sum(layer.columns.entries(key) for layer in self._layers)

    def _covered(self, key: str) -> int:
        return sum(
            layer.columns.covered(key, counts)
            for layer, counts in zip(self._layers, self._counts, strict=True)
        )
