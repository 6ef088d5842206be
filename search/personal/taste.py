"""A profile in the vector space of an index: what a user's items look like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from indexer.arrays import unit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from indexer.arrays import Embedding, Vectors
    from search.personal.main_images import MainImages
    from search.personal.profile import Profile

MAX_ITEMS: Final = 60  # of a profile, the strongest of each kind: more change a ranking little
MAX_INTERESTS: Final = 4
_SAME_INTEREST = 0.55  # cosine from which two items count as one interest


class Weighted(NamedTuple):
    """Items of a profile that are in the index: numbers (n,), unit vectors (n, dim), weights (n,).

    The strongest first; n may be 0.
    """

    items: NDArray[np.int64]
    vectors: Vectors
    weights: NDArray[np.float32]

    def mean(self) -> Embedding | None:
        """Return the weighted mean direction (dim,); None without items."""
        return unit(self.weights @ self.vectors) if len(self.items) else None


class Interest(NamedTuple):
    """A group of like items: the place of its medoid in ``Taste.liked``. Weights sum to 1."""

    place: int
    weight: float


class Taste(NamedTuple):
    """The liked, recent and disliked items of a user, as vectors, and up to 4 interests.

    ``met`` (m,) are the numbers of the newest items, the newest first, whatever became of them.
    """

    liked: Weighted
    recent: Weighted
    disliked: Weighted
    interests: list[Interest]
    met: NDArray[np.int64]


def taste_of(profile: Profile, images: MainImages) -> Taste:
    """Return the taste that a profile shows in a view. Items without an image are left out."""
    kinds = [profile.liked, profile.recent, profile.disliked]
    chosen = [_known(weights, images) for weights in kinds]
    # Vectors of all kinds at once: each call takes about as long as a hundred vectors.
    vectors = images.vectors_of(np.concatenate([items for items, _ in chosen]))
    ends = np.cumsum([len(items) for items, _ in chosen])[:-1]
    liked, recent, disliked = (
        Weighted(items, part, weights)
        for (items, weights), part in zip(chosen, np.split(vectors, ends), strict=True)
    )
    met = images.view.numbers_of(profile.met)
    return Taste(liked, recent, disliked, interests_of(liked), met[met >= 0])


def interests_of(liked: Weighted) -> list[Interest]:
    """Group items by likeness; return the medoids of the strongest groups, the strongest first.

    The strongest item that is left opens a group with all items that are at least
    ``_SAME_INTEREST`` like it, and so on. The medoid of a group is the item with the largest
    weighted sum of cosines to the group. Deterministic.
    """
    if not len(liked.items):
        return []
    cosines = liked.vectors @ liked.vectors.T  # (n, n)
    left = np.ones(len(liked.items), dtype=np.bool_)
    groups: list[tuple[float, NDArray[np.int64]]] = []  # weight and places
    for first in range(len(liked.items)):
        if left[first]:
            members = np.flatnonzero(left & (cosines[first] >= _SAME_INTEREST))  # (m,)
            members = members if len(members) else np.array([first])  # a vector of zeros
            left[members] = False
            left[first] = False
            groups.append((float(liked.weights[members].sum()), members))
    groups.sort(key=lambda group: (-group[0], int(group[1][0])))
    kept = groups[:MAX_INTERESTS]
    total = sum(weight for weight, _ in kept)
    return [
        Interest(_medoid(cosines, liked.weights, members), weight / total)
        for weight, members in kept
    ]


def _medoid(
    cosines: NDArray[np.float32], weights: NDArray[np.float32], members: NDArray[np.int64]
) -> int:
    sums = cosines[np.ix_(members, members)] @ weights[members]  # (m,)
    return int(members[int(np.argmax(sums))])


def _known(
    weights: Mapping[str, float], images: MainImages
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the first ``MAX_ITEMS`` that are in the view with an image, and their weights."""
    items = images.view.numbers_of(list(weights))
    known = np.flatnonzero(items >= 0)[:MAX_ITEMS]
    known = known[images.rows_of(items[known]) >= 0]
    values = np.fromiter(weights.values(), dtype=np.float32, count=len(weights))
    return items[known], values[known]
