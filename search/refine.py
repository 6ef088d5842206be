"""Drop candidates that are too unlike the query, and sort the others by a field."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from search.collapse import first_of_groups
from search.sort import NEWEST, Sort, parse_sort

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from search.bound_query import BoundQuery
    from search.live.best_rows import Candidate
    from search.live.view import ShopView
    from search.rank import Ranking


def refine(bound: BoundQuery, ranking: Ranking, depth: int) -> Ranking:
    """Apply ``min_score``, ``min_confidence`` and ``sort`` of the query to a ranking.

    Sorting moves the best hit of each group: with a vector those of the first ``depth`` groups,
    otherwise all. Items of equal value are in the order of their scores; those without a value are
    last. Raises BadQuery if the field to sort by is unknown, or has neither numbers nor dates.
    """
    query = bound.query
    kept = ranking.candidates
    if query.min_score is not None:
        least = query.min_score
        kept = [candidate for candidate in kept if candidate.score >= least]
    if query.min_confidence is not None:
        sure = query.min_confidence
        kept = [candidate for candidate in kept if (candidate.confidence or 0.0) >= sure]
    sort = None if bound.sort is None else parse_sort(bound.sort)
    if sort is None:
        return ranking._replace(candidates=kept)
    first = first_of_groups(kept, bound.groups) if kept else []
    if bound.vector is not None:
        first = first[:depth]
    values = _values(sort, first, bound.view)
    ranked = sorted(
        first, key=lambda found: (values[found.item], -found.score, bound.view.ids[found.item])
    )
    return ranking._replace(candidates=ranked, values=values)


def _values(sort: Sort, found: list[Candidate], view: ShopView) -> dict[int, float]:
    """Return what to sort by, least first, for each item found."""
    items = [candidate.item for candidate in found]
    numbers = (
        _ages(items, view) if sort.key == NEWEST else view.columns.sort_values(sort.key)[items]
    )
    signed = -numbers if sort.descending else numbers  # (f,)
    return dict(zip(items, np.where(np.isnan(signed), math.inf, signed).tolist(), strict=True))


def _ages(items: list[int], view: ShopView) -> NDArray[np.float64]:
    """Return the number of each item's oldest row: (n,), NaN if it has none.

    Newer items have larger row numbers.
    """
    wanted = np.zeros(view.size, dtype=np.bool_)
    wanted[items] = True
    oldest = np.full(view.size, np.inf)
    for segment in view.segments:
        at = np.flatnonzero(wanted[segment.item_of] & (segment.item_of >= 0))
        np.minimum.at(oldest, segment.item_of[at], segment.vectors.rows[at].astype(np.float64))
    found = oldest[items]
    return np.where(np.isinf(found), np.nan, found)
