"""The items that may be recommended to a user: what pictures, behavior and popularity propose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from indexer.arrays import unit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from indexer.arrays import Embedding, Mask
    from search.personal.item_factors import ItemFactors
    from search.personal.mixer import Evidence

    Items = NDArray[np.int64]
    Nearest = Callable[[list[Embedding]], Iterable[Items]]

PER_SOURCE: Final = 80  # candidates
_FROM_BEHAVIOR: Final = 300
_SAME_DIRECTION: Final = 0.98  # cosine


def find_candidates(
    allowed: Mask,
    evidence: Evidence,
    factors: ItemFactors,
    most_popular: Items,
    nearest: Nearest,
) -> Items:
    """Return the allowed items that any source proposes: (n,), ascending.

    ``allowed`` is of all items (size,), ``most_popular`` (p,) are those that have met most users,
    best first. ``nearest`` returns the ``PER_SOURCE`` allowed items nearest to each direction.
    """
    found = np.zeros(len(allowed), dtype=np.bool_)
    found[most_popular[allowed[most_popular]][:PER_SOURCE]] = True
    for items in nearest(_directions(evidence)):
        found[items] = True
    for path in (evidence.following, evidence.behavior):
        found[path.strongest(_FROM_BEHAVIOR)] = True
    found[factors.led_to(evidence.factors.user, PER_SOURCE, allowed)] = True
    return np.flatnonzero(found & allowed)


def _directions(evidence: Evidence) -> list[Embedding]:
    """Return the vectors whose neighbors are candidates: interests, newest items, the context.

    Those that have the same neighbors as one before, as with a single item, are left out.
    """
    taste = evidence.taste
    interests = [taste.liked.vectors[interest.place] for interest in taste.interests]
    found: list[Embedding] = []
    for vector in (*interests, taste.recent.mean(), evidence.context):
        if vector is not None:
            direction = unit(vector)
            if all(float(direction @ other) < _SAME_DIRECTION for other in found):
                found.append(direction)
    return found
