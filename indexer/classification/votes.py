"""Let the nearest pictures vote for the labels of their products."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from indexer.arrays import Vectors

    Floats = NDArray[np.float64]

_NEIGHBORS = 48  # pictures that vote
_SOFTNESS = 0.06  # a picture that is 0.06 less similar than the best has a third of its vote
_BLOCK = 512  # queries compared at once


class Neighbors(NamedTuple):
    """The pictures that vote on q queries: places (q, k), votes (q, k), and best cosine (q,).

    The votes of a query sum to 1; those of pictures of one product are shared among them.
    """

    places: NDArray[np.int64]
    votes: Floats
    best: Floats

    def select(self, queries: NDArray[np.int64]) -> Neighbors:
        """Return the neighbors of some of the queries."""
        return Neighbors(self.places[queries], self.votes[queries], self.best[queries])

    def shares(self, truth: NDArray[np.int8]) -> Floats:
        """Return the share of the votes for each label, (q, l).

        ``truth`` (n, l) is of ``labels.truth_of``. Pictures with unknown labels do not vote; if
        none votes, the shares are 0.
        """
        known = truth[:, 0] >= 0  # (n,): all labels of an item are known, or none
        weight = self.votes * known[self.places]  # (q, k)
        voted = weight.sum(axis=1, keepdims=True)
        total = np.zeros((len(self.places), truth.shape[1]))
        for rank in range(self.places.shape[1]):
            total += weight[:, rank, None] * np.maximum(truth[self.places[:, rank]], 0)
        return np.asarray(total / np.maximum(voted, 1e-9))


def find_neighbors(
    queries: Vectors,
    vectors: Vectors,
    products: NDArray[np.int64],
    own: NDArray[np.int64] | None = None,
) -> Neighbors:
    """Find the pictures that vote on each query (q, dim), among ``vectors`` (n, dim), n >= 1.

    ``products`` (n,) numbers the product of each picture. ``own`` (q,) is the product of each
    query, whose pictures do not vote; it is None for photos of shoppers.
    """
    k = min(_NEIGHBORS, len(vectors))
    places = np.empty((len(queries), k), dtype=np.int64)
    votes = np.empty((len(queries), k))
    best = np.empty(len(queries))
    for start in range(0, len(queries), _BLOCK):
        block = slice(start, start + _BLOCK)
        similar = queries[block] @ vectors.T  # (b, n)
        if own is not None:
            similar[own[block, None] == products[None]] = -np.inf
        found = np.argpartition(-similar, k - 1, axis=1)[:, :k]
        scores = np.take_along_axis(similar, found, axis=1).astype(np.float64)  # (b, k)
        top = scores.max(axis=1)
        places[block], best[block] = found, np.where(np.isfinite(top), top, -1.0)
        raw = np.exp((scores - best[block, None]) / _SOFTNESS)  # hidden pictures: exp(-inf) is 0
        raw /= _copies(products[found])
        votes[block] = raw / np.maximum(raw.sum(axis=1, keepdims=True), 1e-12)
    return Neighbors(places, votes, best)


def _copies(products: NDArray[np.int64]) -> Floats:
    """Return how many of the k pictures of a query are of the same product: (q, k)."""
    same = products[:, :, None] == products[:, None, :]  # (q, k, k)
    return np.asarray(same.sum(axis=2), dtype=np.float64)
