"""What a question costs, judged before it is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from search.cursor import seen_by
from search.query import ImagePart, TextPart

if TYPE_CHECKING:
    from search.query import Query

DEAR = 5.0  # plain searches: what costs more must not stand before them
_DEPTH = 100  # hits whose fields take as long as a plain search
_FOLDED = 20  # the same with near copies folded: the look goes deeper than the hits
_LETTERS = 50  # of words
_FACETS = 4


def cost_of(query: Query) -> float:
    """About how many plain searches (ten hits by one part) a question costs; 1 or more."""
    depth = seen_by(query.cursor) + query.limit
    letters = sum(len(part.text) for part in query.parts if isinstance(part, TextPart))
    photos = sum(isinstance(part, ImagePart) for part in query.parts)
    return (
        1
        + depth / _DEPTH
        + (depth / _FOLDED if query.collapse is not None else 0)
        + letters / _LETTERS
        + len(query.facets) / _FACETS
        + max(0, photos - 1)
    )
