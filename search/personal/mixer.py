"""The score of a recommendation: a weighted sum of features.

The weights need no training; ``vitrine train-ranker`` can replace them for one shop.

| feature | range | what it is |
|---|---|---|
| ``recent`` | [-1, 1] | likeness to the newest items |
| ``interest`` | [-1, 1] | likeness to the liked items, near ones above all |
| ``following`` | [0, 1] | how often people who met the two or three newest items met it near them |
| ``behavior`` | about 0 | how the newest items lead to it by a linear model, see ``linear`` |
| ``factors`` | about 0 | how the newest items lead to it by matrix factors, see ``factors`` |
| ``context`` | [-1, 1] | likeness to the item that the user looks at |
| ``popular`` | [0, 1] | how many people met it lately |
| ``reviews`` | [-1, 1] | how much happier its reviews are than those of the shop, see ``moods`` |
| ``disliked`` | [0, 1] | likeness to what was hidden or rated low |
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Mapping

    from indexer.arrays import Embedding, Vectors
    from indexer.shop.rankers import Ranker
    from search.personal.factor_path import FactorPath
    from search.personal.paths import Path
    from search.personal.taste import Taste, Weighted

FEATURES: Final = (
    "recent",
    "interest",
    "following",
    "behavior",
    "factors",
    "context",
    "popular",
    "reviews",
    "disliked",
)
WEIGHTS: Final[Mapping[str, float]] = {
    "recent": 0.5,
    "interest": 1.0,
    "following": 200.0,
    "behavior": 660.0,
    "factors": 18.0,
    "context": 0.8,
    "popular": 0.1,
    "reviews": 0.1,
    "disliked": -1.0,
}
"""The scales of the features differ: after one item of a strong pair, one of twenty users meets the
other, while pictures of a kind have cosines of a half. Where there is behavior, it decides.
"""

SCALE: Final = 3  # of the features; raise it if one changes, so that learned weights are not used
_NEARNESS: Final = 8.0  # of a soft maximum over cosines: larger means that only near items count
FOLLOWING_HALF_LIFE: Final = 2.0  # items: the third newest counts half as much as the newest
BEHAVIOR_HALF_LIFE: Final = 10.0
FACTORS_HALF_LIFE: Final = 10.0
_PRIOR: Final = 0.1  # weight of a profile at which its evidence counts half
_DISLIKE_FROM: Final = 0.4  # cosine from which an item is like a disliked one

Features = NDArray[np.float32]  # (n, len(FEATURES))
Values = NDArray[np.float32]  # (n,), or (n, m) where each of m items is left out in turn


class Evidence(NamedTuple):
    """The data from which the features of a user's candidates are computed."""

    taste: Taste
    context: Embedding | None
    popular: NDArray[np.float32]  # (items of the view,)
    reviews: NDArray[np.float32]  # (items of the view,)
    following: Path  # from the newest items, by how often both are met near each other
    behavior: Path  # from the newest items, by the linear model
    factors: FactorPath  # from the newest items, by matrix factors
    weights: Mapping[str, float] = WEIGHTS


def weights_of(ranker: Ranker) -> Mapping[str, float] | None:
    """Return the weights of a trained ranker; None if it is not of the present features."""
    return complete(ranker.weights) if ranker.scale == SCALE else None


def complete(weights: Mapping[str, float]) -> Mapping[str, float] | None:
    """Return learned weights, with that of reviews if they are older; None for other features."""
    found = {"reviews": WEIGHTS["reviews"], **weights}
    return found if set(found) == set(FEATURES) else None


def features_of(items: NDArray[np.int64], vectors: Vectors, evidence: Evidence) -> Features:
    """Return the features of candidates: items (n,) and their unit vectors (n, dim)."""
    taste = evidence.taste
    table = np.zeros((len(items), len(FEATURES)), dtype=np.float32)
    table[:, 0] = _nearness(vectors, taste.recent)
    table[:, 1] = _nearness(vectors, taste.liked)
    table[:, 2] = evidence.following.strength(items)
    table[:, 3] = evidence.behavior.strength(items)
    table[:, 4] = evidence.factors.strength(items)
    if evidence.context is not None:
        table[:, 5] = vectors @ evidence.context
    table[:, 6] = evidence.popular[items]
    table[:, 7] = evidence.reviews[items]
    if len(taste.disliked.items):
        nearest = (vectors @ taste.disliked.vectors.T).max(axis=1)  # (n, d) -> (n,)
        table[:, 8] = np.clip((nearest - _DISLIKE_FROM) / (1 - _DISLIKE_FROM), 0, 1)
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
    taste, weights = evidence.taste, evidence.weights
    by_likeness = _likeness_drop(vectors, taste.liked) * np.float32(weights["interest"])
    drops = Drops(by_likeness, np.zeros_like(by_likeness))
    likeness = _likeness_drop(vectors, taste.recent) * np.float32(weights["recent"])
    behavior = evidence.following.drop(items) * np.float32(weights["following"])
    behavior += evidence.behavior.drop(items) * np.float32(weights["behavior"])
    behavior += evidence.factors.drop(items) * np.float32(weights["factors"])
    place_of = {item: place for place, item in enumerate(taste.liked.items.tolist())}
    for target, source, these in (
        (drops.likeness, likeness, taste.recent.items),
        (drops.behavior, behavior, taste.met),
    ):
        for place, item in enumerate(these.tolist()):
            if item in place_of:
                target[:, place_of[item]] += source[:, place]
    return drops


def _likeness_drop(vectors: Vectors, liked: Weighted) -> Values:
    """Return what the likeness to items loses without each of them: (n, m)."""
    drop: Values = _nearness(vectors, liked)[:, None] - _nearness_without(vectors, liked)
    return drop


def _nearness(vectors: Vectors, liked: Weighted) -> Values:
    """Return a soft maximum of cosines to weighted items, scaled by their weight: (n,).

    ``log(sum(w * exp(s * cosine)) / sum(w)) / s``, which lies between the weighted mean and the
    maximum. It is multiplied by ``W / (W + 0.1)``, so that more evidence counts more.
    """
    terms = _terms(vectors, liked)
    return _soft_maximum(terms.sum(axis=1), liked.weights.sum())


def _nearness_without(vectors: Vectors, liked: Weighted) -> Values:
    """Return ``_nearness`` without each of the items in turn: (n, m)."""
    terms = _terms(vectors, liked)
    rest = terms.sum(axis=1, keepdims=True) - terms  # (n, m)
    return _soft_maximum(rest, liked.weights.sum() - liked.weights)


def _terms(vectors: Vectors, liked: Weighted) -> Values:
    terms: Values = np.exp(_NEARNESS * (vectors @ liked.vectors.T)) * liked.weights  # (n, m)
    return terms


def _soft_maximum(sums: Values, totals: NDArray[np.float32] | np.float32) -> Values:
    """Return the soft maximum of summed terms; 0 without weight. ``totals`` are () or (m,)."""
    weights = np.maximum(totals, 1e-12)
    nearness = np.log(np.maximum(sums, 1e-12) / weights) / _NEARNESS * (totals / (totals + _PRIOR))
    # A sum of floats without its only term is rounding error.
    return np.asarray(np.where(totals > 1e-6, nearness, 0.0), dtype=np.float32)
