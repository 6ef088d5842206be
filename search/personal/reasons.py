"""Reasons for recommendations, each of which is true: without the evidence the score is lower."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from search.personal.mixer import FEATURES, Evidence, contributions, features_of
from search.personal.taste import Weighted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from indexer.arrays import Vectors
    from search.personal.mixer import Features
    from search.personal.recommendation import ReasonCode

_TRIED: Final = 8  # items of a profile that may be named, the strongest
_SMALLEST_DROP = 1e-6  # of a score


class Grounds(NamedTuple):
    """The code of a reason, and the number of the item that is its evidence; -1 for none."""

    code: ReasonCode
    item: int


def find_reasons(
    items: NDArray[np.int64], vectors: Vectors, features: Features, evidence: Evidence
) -> list[Grounds]:
    """Return the reason of each item (n,), given its vector (n, dim) and its features.

    Each of the strongest items of the profile is left out in turn, and the scores are computed
    again. The evidence is the item whose absence costs most, and the code says whether it costs
    likeness or behavior. If no absence costs anything, the reason is the context or popularity.
    """
    before = contributions(features)  # (n, features)
    best = [Grounds("like_context" if evidence.context is not None else "popular", -1)] * len(items)
    largest = np.full(len(items), _SMALLEST_DROP)
    if evidence.context is not None:
        largest = np.maximum(largest, before[:, FEATURES.index("context")])
    recent = set(evidence.taste.session.items.tolist())
    for item in _strongest(evidence):
        without = contributions(features_of(items, vectors, _without(evidence, item)))
        lost = before - without  # (n, features)
        for place, drop in enumerate(lost.sum(axis=1).tolist()):
            if drop > largest[place]:
                largest[place] = drop
                best[place] = Grounds(_code(lost[place], is_recent=item in recent), item)
    return best


def _strongest(evidence: Evidence) -> list[int]:
    """The items that may be named: the strongest of the session, then the liked ones."""
    taste = evidence.taste
    session = taste.session.items[: _TRIED // 2].tolist()
    return list(dict.fromkeys([*session, *taste.liked.items.tolist()]))[:_TRIED]


def _without(evidence: Evidence, item: int) -> Evidence:
    taste = evidence.taste
    return evidence._replace(
        taste=taste._replace(
            liked=_less(taste.liked, item),
            session=_less(taste.session, item),
        )
    )


def _less(weighted: Weighted, item: int) -> Weighted:
    kept = weighted.items != item
    return Weighted(weighted.items[kept], weighted.vectors[kept], weighted.weights[kept])


def _code(lost: NDArray[np.float32], *, is_recent: bool) -> ReasonCode:
    likeness = lost[FEATURES.index("session")] + lost[FEATURES.index("interest")]
    if lost[FEATURES.index("behavior")] > likeness:
        return "others_took"
    return "like_recent" if is_recent else "like_liked"
