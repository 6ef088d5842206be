"""Counts over all items that a query may find: their number, and the values of their fields."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from search.filters import without_key

if TYPE_CHECKING:
    from search.bound_query import BoundQuery
    from search.hits import FacetValue


def count_items(bound: BoundQuery) -> int:
    """How many items pass the filter and, if there are only words, match any of them."""
    if bound.vector is None:
        return int(np.count_nonzero(bound.allowed[bound.matching]))
    return int(np.count_nonzero(bound.allowed))


def count_facets(bound: BoundQuery) -> dict[str, list[FacetValue]]:
    """The values of each field asked for, counted as if that field were not filtered."""
    # A field that is asked for twice is counted once: in a large shop it may take seconds.
    return {key: _values(bound, key) for key in dict.fromkeys(bound.query.facets)}


def _values(bound: BoundQuery, key: str) -> list[FacetValue]:
    query, columns = bound.query, bound.view.columns
    others = without_key(query.filter, key)
    if others == query.filter:
        mask = bound.allowed
    else:
        mask = columns.mask(others)
        if bound.named is not None:
            mask = mask & ~bound.named
    if bound.vector is None:
        matching = np.zeros(bound.view.size, dtype=np.bool_)
        matching[bound.matching] = True
        mask = mask & matching  # a new array: ``allowed`` may belong to the view
    return columns.facet(key, mask)
