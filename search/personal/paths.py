"""How a user's newest items lead to others, by what other users did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from search.personal.neighbors import Neighbors

    Values = NDArray[np.float32]

PRIOR: Final = 0.1  # weight of the newest items at which what they lead to counts half
_PROPOSING_HALF_LIFE: Final = 6.6  # items, for candidates: each counts a tenth less than the newer


class Path:
    """How the newest items (m,), the newest first, lead to others.

    The item at the place ``p`` counts ``2 ** (-p / half_life)``.
    """

    def __init__(self, met: NDArray[np.int64], neighbors: Neighbors, half_life: float) -> None:
        self._half_life = half_life
        self._places, numbers, self._values = neighbors.entries(met)
        # (r,): all that are led to, ascending; (e,): the place there of each entry
        self._reached, self._at = np.unique(numbers, return_inverse=True)
        self._weights = weights_by_place(len(met), half_life)
        total = self._weights.sum() + np.float32(PRIOR)
        self._strengths = np.asarray(self._summed(self._weights) / total, dtype=np.float32)

    def strength(self, items: NDArray[np.int64]) -> Values:
        """Return the weighted mean strength with which the newest items lead to each: (n,)."""
        places, known = self._find(items)
        strengths = np.zeros(len(items), dtype=np.float32)
        strengths[known] = self._strengths[places[known]]
        return strengths

    def strongest(self, limit: int) -> NDArray[np.int64]:
        """Return the items to which most leads, up to ``limit``, in no order: (n,)."""
        if len(self._reached) <= limit:
            return self._reached
        sums = self._summed(weights_by_place(len(self._weights), _PROPOSING_HALF_LIFE))
        return np.asarray(self._reached[np.argpartition(-sums, limit)[:limit]], dtype=np.int64)

    def drop(self, items: NDArray[np.int64]) -> Values:
        """Return what the strength loses without each of the items that were met: (n, m).

        ``items`` are distinct. The items that were met before it move up one place.
        """
        return drop_of(self._table(items) * self._weights, self._weights, self._half_life)

    def _summed(self, weights: Values) -> NDArray[np.float64]:
        """Return the sums of the strengths of all that are led to, weighted by place: (r,)."""
        values = self._values * weights[self._places]
        return np.bincount(self._at, values, len(self._reached)).astype(np.float64)

    def _find(self, items: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the places of items among those led to (n,), and which of them are: (k,)."""
        if not len(self._reached):
            nothing = np.zeros(0, dtype=np.int64)
            return nothing, nothing
        places = np.minimum(np.searchsorted(self._reached, items), len(self._reached) - 1)
        return places, np.flatnonzero(self._reached[places] == items)

    def _table(self, items: NDArray[np.int64]) -> Values:
        """Return how strongly each item that was met leads to each of ``items``: (n, m)."""
        places, known = self._find(items)
        row_of = np.full(len(self._reached), -1, dtype=np.int64)
        row_of[places[known]] = known
        rows = row_of[self._at]
        found = np.flatnonzero(rows >= 0)
        table = np.zeros((len(items), len(self._weights)), dtype=np.float32)
        table[rows[found], self._places[found]] = self._values[found]
        return table


def drop_of(terms: Values, weights: Values, half_life: float) -> Values:
    """Return what weighted means lose without each item, by its terms: (n, m).

    ``terms`` are already weighted by ``weights`` (m,).
    """
    up = np.float32(2 ** (1 / half_life))
    rest = _with_the_older_moved_up(terms, up)
    total = _with_the_older_moved_up(weights[None, :], up)
    whole = terms.sum(axis=1, keepdims=True) / (weights.sum() + np.float32(PRIOR))
    drop: Values = whole - rest / (total + np.float32(PRIOR))
    return drop


def weights_by_place(count: int, half_life: float) -> Values:
    """Return the weights of the newest items, by their places: (count,)."""
    places = np.arange(count, dtype=np.float32)
    return np.asarray(2 ** (-places / half_life), dtype=np.float32)


def _with_the_older_moved_up(terms: Values, up: np.float32) -> Values:
    """Return the sum of all terms but one, those after it times ``up``, for each: (n, m)."""
    before = np.cumsum(terms, axis=1) - terms
    after = terms.sum(axis=1, keepdims=True) - before - terms
    found: Values = before + up * after
    return found
