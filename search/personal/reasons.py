"""Reasons for recommendations, each of which is true: without the evidence the score is lower."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from search.personal.mixer import FEATURES, contributions, drops_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from indexer.arrays import Vectors
    from search.personal.mixer import Evidence, Features
    from search.personal.recommendation import ReasonCode

_SMALLEST_DROP: Final = 1e-5  # of a score


class Grounds(NamedTuple):
    """The code of a reason, and the number of the item that is its evidence; -1 for none."""

    code: ReasonCode
    item: int


def find_reasons(
    items: NDArray[np.int64], vectors: Vectors, features: Features, evidence: Evidence
) -> list[Grounds]:
    """Return the reason of each item (n,), given its vector (n, dim) and its features.

    The evidence is the item of the profile without which the score would be lowest, and the code
    says whether the score would lose likeness or behavior. If the context adds more than that,
    or no item of the profile adds anything, the reason is the context, popularity, or neither.
    """
    taste = evidence.taste
    added = contributions(features, evidence.weights)
    drops = drops_of(items, vectors, evidence)
    total = drops.likeness + drops.behavior  # (n, m)
    recent = set(taste.recent.items.tolist())
    found: list[Grounds] = []
    for row in range(len(items)):
        by_context = float(added[row, FEATURES.index("context")])
        best = int(np.argmax(total[row])) if total.shape[1] else -1
        largest = float(total[row, best]) if best >= 0 else 0.0
        if largest <= max(_SMALLEST_DROP, by_context):
            found.append(Grounds(_impersonal(added[row], by_context), -1))
            continue
        item = int(taste.liked.items[best])
        is_behavior = drops.behavior[row, best] > drops.likeness[row, best]
        is_recent = item in recent
        code: ReasonCode = (
            "others_took" if is_behavior else "like_recent" if is_recent else "like_liked"
        )
        found.append(Grounds(code, item))
    return found


def _impersonal(added: NDArray[np.float32], by_context: float) -> ReasonCode:
    """Return the reason of an item for which the profile says nothing."""
    by_popularity = float(added[FEATURES.index("popular")])
    if by_context > by_popularity:
        return "like_context"
    return "popular" if by_popularity > 0 else "assorted"
