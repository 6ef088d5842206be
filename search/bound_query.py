"""A query bound to one view of a shop: which items it may find, and where its words occur."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from indexer.arrays import Embedding
    from indexer.lexical import LexicalIndex
    from search.live.columns import Mask
    from search.live.view import ShopView
    from search.query import Query

_MAX_MATCHES = 50_000  # items considered for the words of a part, unless there is a filter


class WordMatches(NamedTuple):
    """The items with the words of one part, best first, whether the query may find them or not.

    ``scores`` are pairs of item and BM25 score; ``weight`` is the part's.
    """

    weight: float
    scores: list[tuple[int, float]]


class BoundQuery(NamedTuple):
    """A query and its vector, and what they mean in one view of the shop.

    ``vector`` is (dim,) and of unit length; None if only words are searched for. Items are
    counted by their groups: ``groups`` (size,) holds the group of each item. ``allowed`` (size,)
    are the items that may be found; read it only, it may belong to the view. ``named`` (size,)
    are the items that the query names, with their groups; None if it names none. ``words`` are
    the matches of each part with words, in the order of the parts, and ``matching`` (m,) the
    items that match any part of positive weight.
    """

    query: Query
    vector: Embedding | None
    view: ShopView
    groups: NDArray[np.int64]
    allowed: Mask
    named: Mask | None
    words: Sequence[WordMatches]
    matching: NDArray[np.int64]


def bind(query: Query, vector: Embedding | None, view: ShopView, index: LexicalIndex) -> BoundQuery:
    """Bind a query to a view. ``index`` has the words of the view's shop.

    BadQuery if the filter uses a field that no item has.
    """
    groups = view.product if query.group == "product" else np.arange(view.size)
    allowed = view.columns.alive if query.filter is None else view.columns.mask(query.filter)
    named = _named(query, view, groups)
    if named is not None:
        allowed = allowed & ~named
    words = [
        WordMatches(part.weight, _matches(part.words, query, view, index))
        for part in query.parts
        if part.words is not None
    ]
    wanted = {item for match in words if match.weight > 0 for item, _ in match.scores}
    matching = np.fromiter(wanted, dtype=np.int64, count=len(wanted))  # (m,)
    return BoundQuery(query, vector, view, groups, allowed, named, words, matching)


def _named(query: Query, view: ShopView, groups: NDArray[np.int64]) -> Mask | None:
    """The items that the query names, with all items of their groups: (size,), or None."""
    named: Mask | None = None
    for item_id in [item_id for part in query.parts for item_id in part.named_items]:
        if named is None:
            named = np.zeros(view.size, dtype=np.bool_)
        if (number := view.number(item_id)) >= 0:
            named |= groups == groups[number]
    return named


def _matches(
    text: str, query: Query, view: ShopView, index: LexicalIndex
) -> list[tuple[int, float]]:
    """The items of the view with these words and their scores, best first."""
    limit = _MAX_MATCHES if query.filter is None else view.size
    ids, scores = index.search(text, limit, sequence=view.sequence)
    pairs = zip(map(view.number, ids), scores.tolist(), strict=True)
    return [(item, score) for item, score in pairs if item >= 0]
