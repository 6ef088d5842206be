"""The score of a recommendation: a weighted sum of features, documented and without training.

| feature | range | what it says |
|---|---|---|
| ``session`` | [-1, 1] | likeness to the items of the last hours |
| ``interest`` | [-1, 1] | likeness to the liked items, near ones above all |
| ``behavior`` | [0, 1] | how often people who took these items took this one too |
| ``context`` | [-1, 1] | likeness to the item that is being looked at |
| ``popular`` | [0, 1] | how many people met it lately |
| ``disliked`` | [0, 1] | likeness to what was hidden or rated low |
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Mapping

    from indexer.arrays import Embedding, Vectors
    from search.personal.neighbors import Neighbors
    from search.personal.taste import Taste, Weighted

FEATURES: Final = ("session", "interest", "behavior", "context", "popular", "disliked")
WEIGHTS: Final[Mapping[str, float]] = {
    "session": 0.5,
    "interest": 1.0,
    "behavior": 1.0,
    "context": 0.8,
    "popular": 0.15,
    "disliked": -0.6,
}

_NEARNESS = 8.0  # of a soft maximum over cosines: larger means that only the nearest items count
_DISLIKE_FROM = 0.4  # cosine from which an item is like a disliked one

Features = NDArray[np.float32]  # (n, len(FEATURES))


class Evidence(NamedTuple):
    """What the features of a user's candidates are computed from, besides the candidates."""

    taste: Taste
    context: Embedding | None
    popular: NDArray[np.float32]  # (items of the view,)
    neighbors: Neighbors | None


def features_of(items: NDArray[np.int64], vectors: Vectors, evidence: Evidence) -> Features:
    """Return the features of candidates: items (n,) and their unit vectors (n, dim)."""
    taste = evidence.taste
    table = np.zeros((len(items), len(FEATURES)), dtype=np.float32)
    table[:, 0] = _nearness(vectors, taste.session)
    table[:, 1] = _nearness(vectors, taste.liked)
    if evidence.neighbors is not None:
        table[:, 2] = evidence.neighbors.scores(taste.liked.items, taste.liked.weights, items)
    if evidence.context is not None:
        table[:, 3] = vectors @ evidence.context
    table[:, 4] = evidence.popular[items]
    if len(taste.disliked.items):
        nearest = (vectors @ taste.disliked.vectors.T).max(axis=1)  # (n, d) -> (n,)
        table[:, 5] = np.clip((nearest - _DISLIKE_FROM) / (1 - _DISLIKE_FROM), 0, 1)
    return table


def contributions(features: Features, weights: Mapping[str, float] = WEIGHTS) -> Features:
    """Return what each feature adds to the scores; a row sums to its score. (n, features)."""
    row = np.array([weights[name] for name in FEATURES], dtype=np.float32)
    added: Features = features * row
    return added


def _nearness(vectors: Vectors, items: Weighted) -> NDArray[np.float32]:
    """A soft maximum of cosines to weighted items, times how much weight there is: (n,).

    ``log(sum(w * exp(s * cosine)) / sum(w)) / s``, which lies between the weighted mean and the
    maximum. It is multiplied by ``W / (W + 0.1)``, so that more evidence counts more.
    """
    if not len(items.items):
        return np.zeros(len(vectors), dtype=np.float32)
    cosines = vectors @ items.vectors.T  # (n, m)
    total = items.weights.sum()
    raised = np.exp(_NEARNESS * cosines) @ items.weights  # (n,)
    nearness = np.log(raised / total) / _NEARNESS
    return np.asarray(nearness * (total / (total + 0.1)), dtype=np.float32)
