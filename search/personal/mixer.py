"""The score of a recommendation: a weighted sum of features.

The weights need no training; ``vitrine train-ranker`` can replace them for one shop.

| feature | range | what it says |
|---|---|---|
| ``recent`` | [-1, 1] | likeness to the newest items |
| ``interest`` | [-1, 1] | likeness to the liked items, near ones above all |
| ``following`` | [0, 1] | how often people who met the newest items met it near them |
| ``behavior`` | [0, 1] | how often people who met the liked items met it near them |
| ``context`` | [-1, 1] | likeness to the item that the user looks at |
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

FEATURES: Final = (
    "recent",
    "interest",
    "following",
    "behavior",
    "context",
    "popular",
    "disliked",
)
WEIGHTS: Final[Mapping[str, float]] = {
    "recent": 0.5,
    "interest": 1.0,
    "following": 4.0,
    "behavior": 2.0,
    "context": 0.8,
    "popular": 0.15,
    "disliked": -0.6,
}

_NEARNESS: Final = 8.0  # of a soft maximum over cosines: larger means that only near items count
_PRIOR: Final = 0.1  # weight of a profile at which its evidence counts half
_DISLIKE_FROM: Final = 0.4  # cosine from which an item is like a disliked one

Features = NDArray[np.float32]  # (n, len(FEATURES))
Values = NDArray[np.float32]  # (n,), or (n, m) where each of m items is left out in turn


class Evidence(NamedTuple):
    """What the features of a user's candidates are computed from, besides the candidates."""

    taste: Taste
    context: Embedding | None
    popular: NDArray[np.float32]  # (items of the view,)
    neighbors: Neighbors  # of the newest and the liked items
    weights: Mapping[str, float] = WEIGHTS


def features_of(items: NDArray[np.int64], vectors: Vectors, evidence: Evidence) -> Features:
    """Return the features of candidates: items (n,) and their unit vectors (n, dim)."""
    taste = evidence.taste
    table = np.zeros((len(items), len(FEATURES)), dtype=np.float32)
    table[:, 0] = _nearness(vectors, taste.recent)
    table[:, 1] = _nearness(vectors, taste.liked)
    table[:, 2] = _behavior(items, taste.recent, evidence.neighbors)
    table[:, 3] = _behavior(items, taste.liked, evidence.neighbors)
    if evidence.context is not None:
        table[:, 4] = vectors @ evidence.context
    table[:, 5] = evidence.popular[items]
    if len(taste.disliked.items):
        nearest = (vectors @ taste.disliked.vectors.T).max(axis=1)  # (n, d) -> (n,)
        table[:, 6] = np.clip((nearest - _DISLIKE_FROM) / (1 - _DISLIKE_FROM), 0, 1)
    return table


def contributions(features: Features, weights: Mapping[str, float]) -> Features:
    """Return what each feature adds to the scores; a row sums to its score. (n, features)."""
    row = np.array([weights[name] for name in FEATURES], dtype=np.float32)
    added: Features = features * row
    return added


class Drops(NamedTuple):
    """What scores lose without each of m liked items: by likeness and by behavior, (n, m) each."""

    likeness: Values
    behavior: Values


def drops_of(items: NDArray[np.int64], vectors: Vectors, evidence: Evidence) -> Drops:
    """Return what candidates lose if each liked item is left out of the profile in turn."""
    taste, neighbors, weights = evidence.taste, evidence.neighbors, evidence.weights
    drops = Drops(
        _likeness_drop(vectors, taste.liked) * np.float32(weights["interest"]),
        _behavior_drop(items, taste.liked, neighbors) * np.float32(weights["behavior"]),
    )
    likeness = _likeness_drop(vectors, taste.recent) * np.float32(weights["recent"])
    behavior = _behavior_drop(items, taste.recent, neighbors) * np.float32(weights["following"])
    place_of = {item: place for place, item in enumerate(taste.liked.items.tolist())}
    for place, item in enumerate(taste.recent.items.tolist()):
        if item in place_of:
            drops.likeness[:, place_of[item]] += likeness[:, place]
            drops.behavior[:, place_of[item]] += behavior[:, place]
    return drops


def _likeness_drop(vectors: Vectors, liked: Weighted) -> Values:
    """What the likeness to items loses without each of them: (n, m)."""
    drop: Values = _nearness(vectors, liked)[:, None] - _nearness_without(vectors, liked)
    return drop


def _behavior_drop(items: NDArray[np.int64], liked: Weighted, neighbors: Neighbors) -> Values:
    """What the behavior loses without each of the items that it rests on: (n, m)."""
    whole = _behavior(items, liked, neighbors)[:, None]
    drop: Values = whole - _behavior_without(items, liked, neighbors)
    return drop


def _nearness(vectors: Vectors, liked: Weighted) -> Values:
    """A soft maximum of cosines to weighted items, times how much weight there is: (n,).

    ``log(sum(w * exp(s * cosine)) / sum(w)) / s``, which lies between the weighted mean and the
    maximum. It is multiplied by ``W / (W + 0.1)``, so that more evidence counts more.
    """
    terms = _terms(vectors, liked)
    return _soft_maximum(terms.sum(axis=1), liked.weights.sum())


def _nearness_without(vectors: Vectors, liked: Weighted) -> Values:
    """What ``_nearness`` is without each of the items in turn: (n, m)."""
    terms = _terms(vectors, liked)
    rest = terms.sum(axis=1, keepdims=True) - terms  # (n, m)
    return _soft_maximum(rest, liked.weights.sum() - liked.weights)


def _terms(vectors: Vectors, liked: Weighted) -> Values:
    terms: Values = np.exp(_NEARNESS * (vectors @ liked.vectors.T)) * liked.weights  # (n, m)
    return terms


def _soft_maximum(sums: Values, totals: NDArray[np.float32] | np.float32) -> Values:
    """0 where there is no weight: ``totals`` are () or (m,)."""
    some = np.maximum(totals, 1e-12)
    nearness = np.log(np.maximum(sums, 1e-12) / some) / _NEARNESS * (totals / (totals + _PRIOR))
    # What is left of a sum of floats after its only term was taken away is rounding.
    return np.asarray(np.where(totals > 1e-6, nearness, 0.0), dtype=np.float32)


def _behavior(items: NDArray[np.int64], liked: Weighted, neighbors: Neighbors) -> Values:
    """The weighted mean strength with which the liked items lead to candidates: (n,)."""
    total = liked.weights.sum()
    scores: Values = neighbors.strengths(items, liked.items) @ liked.weights / (total + _PRIOR)
    return scores


def _behavior_without(items: NDArray[np.int64], liked: Weighted, neighbors: Neighbors) -> Values:
    """What ``_behavior`` is without each of the items in turn: (n, m)."""
    terms = neighbors.strengths(items, liked.items) * liked.weights  # (n, m)
    rest = terms.sum(axis=1, keepdims=True) - terms
    without: Values = rest / (liked.weights.sum() - liked.weights + _PRIOR)
    return without
