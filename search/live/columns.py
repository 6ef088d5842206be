"""The filterable fields of all items, as columns in memory.

Items are numbers 0 to n - 1 here; a mask is bool (n,).
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from heapq import nsmallest
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from indexer.catalog.item_parser import parse_bool
from indexer.errors import BadQuery
from search.filters import BUILTIN, AllOf, AnyOf, Filter, Match, Not, Range, Value
from search.hits import FacetValue

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from indexer.items import AttributeValue, Item

Mask: TypeAlias = NDArray[np.bool_]

_MAX_FACET_VALUES = 100


class _Labels:
    """One field: which items carry which value. Values keep the spelling first seen.

    The pairs come item by item.
    """

    def __init__(self, pairs: Iterable[tuple[int, str]], n: int) -> None:
        codes: dict[str, int] = {}
        self.spelling: list[str] = []
        item_list: list[int] = []
        code_list: list[int] = []
        last, carried = -1, set[str]()  # an item counts once for each value, however spelled
        for item, label in pairs:
            plain = casefolded(label)
            if item != last:
                last, carried = item, set()
            if plain in carried:
                continue
            carried.add(plain)
            if plain not in codes:
                codes[plain] = len(codes)
                self.spelling.append(label)
            item_list.append(item)
            code_list.append(codes[plain])
        self._codes = codes
        self._numbers: NDArray[np.float64] | None = None  # of each value, once asked for
        self._n = n
        order = np.argsort(np.array(code_list, dtype=np.int64), kind="stable")
        self._items = np.array(item_list, dtype=np.int64)[order]  # (entries,), grouped by code
        self._entry_codes = np.array(code_list, dtype=np.int64)[order]  # (entries,), rising
        self._starts = np.searchsorted(self._entry_codes, np.arange(len(codes) + 1))

    def mask(self, labels: Sequence[str]) -> Mask:
        """Which items carry one of these values."""
        found = np.zeros(self._n, dtype=np.bool_)
        for label in labels:
            code = self._codes.get(casefolded(label))
            if code is not None:
                found[self._items[self._starts[code] : self._starts[code + 1]]] = True
        return found

    def counts(self, mask: Mask) -> NDArray[np.int64]:
        """How many items of the mask carry each value: (values,)."""
        codes = self._entry_codes[mask[self._items]]
        return np.bincount(codes, minlength=len(self.spelling)).astype(np.int64)

    @property
    def entries(self) -> int:
        """How many pairs of an item and a value there are."""
        return len(self._items)

    def covered(self, mask: Mask) -> int:
        """How many items of the mask carry any value."""
        return int(np.unique(self._items[mask[self._items]]).size)

    def within(self, range_: Range) -> Mask:
        """Which items carry a number within the range."""
        if self._numbers is None:
            self._numbers = np.array([_as_number(text) for text in self.spelling])  # (values,)
        found = np.zeros(self._n, dtype=np.bool_)
        if len(self._items):
            found[self._items[_inside(self._numbers, range_)[self._entry_codes]]] = True
        return found


class Columns:
    """Masks and counts over some items of a shop, in the order they were given."""

    def __init__(self, items: Sequence[Item], schema: set[str] | None = None) -> None:
        """``schema`` collects the names of all fields; items of one shop may share it.

        A field that the shop has and these items lack is then an empty field.
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
            pairs["in_stock"].append((number, _label(item.in_stock)))
            for category in item.categories:
                pairs["category"].extend((number, path) for path in _ancestors(category))
            for name, value in item.attributes.items():
                pairs[f"attributes.{name}"].extend((number, label) for label in _labels(value))
        for name in BUILTIN:
            pairs.setdefault(name, [])
        self._fields = {name: _Labels(entries, n) for name, entries in pairs.items()}
        self._empty = _Labels([], n)
        self._schema = set[str]() if schema is None else schema
        self._schema.update(pairs)

    def mask(self, filter_: Filter | None) -> Mask:
        """Which items pass: (n,). BadQuery, listing the fields, when a key is none."""
        if filter_ is None:
            return np.ones(self._n, dtype=np.bool_)
        if isinstance(filter_, Match):
            return self._match(filter_)
        if isinstance(filter_, Range):
            return self._range(filter_)
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
        """The values of a field among the items of ``mask``, most frequent first."""
        return top_values(self.tally(key, mask))

    def tally(self, key: str, mask: Mask) -> dict[str, int]:
        """How many items of ``mask`` carry each value of a field, values that none has left out."""
        if key == "price":
            raise BadQuery("price is a number: filter it by range, it has no facet", param="facets")
        field = self._field(self._resolve(key, param="facets"))
        counts = field.counts(mask)  # (values,)
        return {field.spelling[code]: int(counts[code]) for code in np.flatnonzero(counts)}

    def entries(self, key: str) -> int:
        """How many values of a field all items carry together."""
        return self._field(self._resolve(key)).entries

    def covered(self, key: str, mask: Mask) -> int:
        """How many items of ``mask`` carry any value of a field."""
        return self._field(self._resolve(key)).covered(mask)

    def _match(self, match: Match) -> Mask:
        key = self._resolve(match.key)
        if key == "price":
            wanted = [_as_number(str(value)) for value in match.values]
            return np.isin(self.price, np.array([w for w in wanted if w == w]))
        labels = [_label(value) for value in match.values]
        if key == "in_stock":
            labels = [_label(_stock(label)) for label in labels]
        if key == "category":
            labels = [label.strip("/") for label in labels]
        return self._field(key).mask(labels)

    def _range(self, range_: Range) -> Mask:
        key = self._resolve(range_.key)
        return _inside(self.price, range_) if key == "price" else self._field(key).within(range_)

    def _field(self, name: str) -> _Labels:
        return self._fields.get(name, self._empty)

    def _resolve(self, key: str, param: str = "filter") -> str:
        if key in BUILTIN or key in self._schema:
            return key
        if f"attributes.{key}" in self._schema:
            return f"attributes.{key}"
        names = tuple(self._schema)  # a copy: a change of the shop may be adding to it
        known = [name.removeprefix("attributes.") for name in names if name not in BUILTIN]
        shown = ", ".join([*BUILTIN, *sorted(known)][:40])
        kind = param.removesuffix("s")
        raise BadQuery(f"unknown {kind} field {key[:80]!r}; this shop has {shown}", param=param)


def casefolded(text: str) -> str:
    """A text as values are compared: without regard to case, and to how accents are written."""
    return unicodedata.normalize("NFC", text).casefold()


def top_values(tally: dict[str, int]) -> list[FacetValue]:
    """The most frequent values first, those of the same count by their spelling."""
    order = nsmallest(_MAX_FACET_VALUES, tally.items(), key=lambda pair: (-pair[1], pair[0]))
    return [FacetValue(value, count) for value, count in order]


def _ancestors(path: str) -> list[str]:
    """``a/b/c`` and everything above it: a filter on ``a`` finds what is in ``a/b``."""
    parts = [part for part in path.split("/") if part]
    return ["/".join(parts[: depth + 1]) for depth in range(len(parts))]


def _labels(value: AttributeValue) -> list[str]:
    return [_label(part) for part in value] if isinstance(value, list) else [_label(value)]


def _label(value: Value) -> str:
    """A value as text; 5.0 and "5" are the same, and so are True and "true"."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):  # of JSON: article numbers are long, and keep all their digits
        return str(value)
    if isinstance(value, float):
        whole = value.is_integer() and abs(value) < 1e16
        return str(int(value)) if whole else f"{value:.12g}"
    return value.strip()


def _stock(label: str) -> bool:
    try:
        return parse_bool(label)
    except ValueError as error:
        raise BadQuery(str(error), param="filter") from None


def _inside(numbers: NDArray[np.float64], range_: Range) -> Mask:
    above = numbers >= range_.above if range_.above_included else numbers > range_.above
    below = numbers <= range_.below if range_.below_included else numbers < range_.below
    return np.asarray(above & below, dtype=np.bool_)  # comparisons with NaN are false


def _as_number(text: str) -> float:
    try:
        number = float("nan" if "_" in text else text)  # Python reads 1_000 as a number
    except ValueError:
        return float("nan")
    return number if abs(number) != float("inf") else float("nan")
