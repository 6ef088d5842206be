"""A query bound to one view of a shop: the items that it may find, and those with its words."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from search.filters import without_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from indexer.arrays import Embedding
    from indexer.lexical import LexicalIndex
    from search.hits import FacetValue
    from search.live.columns import Mask
    from search.live.view import ShopView
    from search.query import Query

_MAX_MATCHES = 50_000  # items found by the words of a part, unless there is a filter


class WordMatches(NamedTuple):
    """The items with the words of one part, those that the query may not find included.

    ``scores`` are pairs of item number and BM25 score, best first; ``weight`` is the part's.
    """

    weight: float
    scores: list[tuple[int, float]]


class BoundQuery(NamedTuple):
    """A query and its vector, with the items of one view that they refer to.

    ``vector`` is (dim,) and of unit length; None if only words are searched for. ``groups``
    (size,) has the group of each item: a page shows one hit of each group. ``allowed`` (size,) is
    the mask of items that may be found; it may be the view's own, so do not write to it.
    ``named`` (size,) is the mask of items named in the query, and of all items of their groups;
    None if it names none. ``words`` has the matches of each part with words, in the order of the
    parts. ``matching`` (m,) are the items that match any part of positive weight.
    """

    query: Query
    vector: Embedding | None
    view: ShopView
    groups: NDArray[np.int64]
    allowed: Mask
    named: Mask | None
    words: Sequence[WordMatches]
    matching: NDArray[np.int64]

    def count_items(self) -> int:
        """Return how many items pass the filter and, if there are only words, match a word."""
        if self.vector is None:
            return int(np.count_nonzero(self.allowed[self.matching]))
        return int(np.count_nonzero(self.allowed))

    def count_facets(self) -> dict[str, list[FacetValue]]:
        """Count the values of each facet field among those items, as if it were not filtered."""
        # Counting takes seconds in a large shop: a field that is named twice is counted once.
        return {
            field: self.view.columns.facet(field, self._facet_mask(field))
            for field in dict.fromkeys(self.query.facets)
        }

    def _facet_mask(self, field: str) -> Mask:
        """Return the items to count for a field: (size,). Do not write to it."""
        other_conditions = without_key(self.query.filter, field)
        if other_conditions == self.query.filter:
            mask = self.allowed
        else:
            mask = self.view.columns.mask(other_conditions)
            if self.named is not None:
                mask = mask & ~self.named
        if self.vector is None:
            matching = np.zeros(self.view.size, dtype=np.bool_)
            matching[self.matching] = True
            mask = mask & matching
        return mask


def bind(query: Query, vector: Embedding | None, view: ShopView, index: LexicalIndex) -> BoundQuery:
    """Bind a query to a view. ``index`` is the shop's index of words.

    Raises BadQuery if the filter uses a field that no item has.
    """
    groups = view.product if query.group == "product" else np.arange(view.size)
    allowed = view.columns.alive if query.filter is None else view.columns.mask(query.filter)
    named = _named_mask(query, view, groups)
    if named is not None:
        allowed = allowed & ~named
    words = [
        WordMatches(part.weight, _find_matches(part.words, query, view, index))
        for part in query.parts
        if part.words is not None
    ]
    wanted = {item for match in words if match.weight > 0 for item, _ in match.scores}
    matching = np.fromiter(wanted, dtype=np.int64, count=len(wanted))  # (m,)
    return BoundQuery(query, vector, view, groups, allowed, named, words, matching)


def _named_mask(query: Query, view: ShopView, groups: NDArray[np.int64]) -> Mask | None:
    """Return the mask (size,) of named items and their groups, or None if none is named."""
    named: Mask | None = None
    for item_id in [item_id for part in query.parts for item_id in part.named_items]:
        if named is None:
            named = np.zeros(view.size, dtype=np.bool_)
        if (number := view.number(item_id)) >= 0:
            named |= groups == groups[number]
    return named


def _find_matches(
    text: str, query: Query, view: ShopView, index: LexicalIndex
) -> list[tuple[int, float]]:
    """Return the items of the view with these words, and their scores, best first."""
    limit = _MAX_MATCHES if query.filter is None else view.size
    ids, scores = index.search(text, limit, sequence=view.sequence)
    numbers = view.numbers_of(ids)  # (m,)
    known = numbers >= 0
    return list(zip(numbers[known].tolist(), scores[known].tolist(), strict=True))
