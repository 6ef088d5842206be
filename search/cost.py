"""The estimated cost of a query, in plain searches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from search.cursor import seen_by

if TYPE_CHECKING:
    from search.query import Query

COSTLY = 5.0  # a query that costs more must not delay plain searches
_DEPTH = 100  # hits that cost as much as a plain search, because their fields are read
_COLLAPSED = 20  # the same if copies are collapsed, because more candidates are compared
_LETTERS = 50  # letters of text that cost as much as a plain search
_SORTED = 2  # plain searches that take as long as ranking deeper and sorting
_FACETS = 4  # fields to count that cost as much as a plain search


def cost_of(query: Query) -> float:
    """Estimate how many plain searches (ten hits, one part) take as long as a query; >= 1."""
    depth = seen_by(query.cursor) + query.limit
    letters = sum(len(part.words or "") for part in query.parts)
    photos = sum(part.is_photo for part in query.parts)
    return (
        1
        + depth / _DEPTH
        + (depth / _COLLAPSED if query.collapse is not None else 0)
        + letters / _LETTERS
        + len(query.facets) / _FACETS
        + max(0, photos - 1)
        + (_SORTED if query.sort is not None else 0)
    )
