"""What a query costs, estimated before it is searched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from search.cursor import seen_by

if TYPE_CHECKING:
    from search.query import Query

DEAR = 5.0  # plain searches: a query that costs more must not delay plain ones
_DEPTH = 100  # hits whose fields take as long as a plain search
_COLLAPSED = 20  # the same with collapse: more candidates than hits are compared
_LETTERS = 50  # of words
_FACETS = 4


def cost_of(query: Query) -> float:
    """About how many plain searches (ten hits by one part) a query costs; 1 or more."""
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
    )
