"""How a user's newest items lead to others, by what other users did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from search.personal.neighbors import Neighbors

    Values = NDArray[np.float32]

_PRIOR: Final = 0.1  # weight of the newest items at which what they lead to counts half
_PROPOSING_HALF_LIFE: Final = 6.6  # items, for candidates: each counts a tenth less than the newer


class Path:
    """How the newest items (m,), the newest first, lead to others.

    The item at the place ``p`` counts ``2 ** (-p / half_life)``.
    """

    def __init__(
        self, met: NDArray[np.int64], neighbors: Neighbors, half_life: float, size: int
    ) -> None:
        """``size`` is the number of items of the view."""
        self._size = size
        self._half_life = half_life
        self._places, self._numbers, self._values = neighbors.entries(met)
        self._weights = _weights(len(met), half_life)
        total = self._weights.sum() + np.float32(_PRIOR)
        self._strengths = np.asarray(self._summed(self._weights) / total, dtype=np.float32)

    def strength(self, items: NDArray[np.int64]) -> Values:
        """Return the weighted mean strength with which the newest items lead to each: (n,)."""
        found: Values = self._strengths[items]
        return found

    def strongest(self, limit: int) -> NDArray[np.int64]:
        """Return the items to which most leads, up to ``limit``, in no order: (n,)."""
        sums = self._summed(_weights(len(self._weights), _PROPOSING_HALF_LIFE))
        items = np.flatnonzero(np.bincount(self._numbers, minlength=self._size))
        if len(items) <= limit:
            return items
        return items[np.argpartition(-sums[items], limit)[:limit]]

    def drop(self, items: NDArray[np.int64]) -> Values:
        """Return what the strength loses without each of the items that were met: (n, m).

        ``items`` are distinct. The items that were met before it move up one place.
        """
        weights = self._weights
        terms = self._table(items) * weights  # (n, m)
        up = np.float32(2 ** (1 / self._half_life))
        rest = _with_the_older_moved_up(terms, up)
        total = _with_the_older_moved_up(weights[None, :], up)
        whole = terms.sum(axis=1, keepdims=True) / (weights.sum() + np.float32(_PRIOR))
        drop: Values = whole - rest / (total + np.float32(_PRIOR))
        return drop

    def _summed(self, weights: Values) -> NDArray[np.float64]:
        """Return the sums of the strengths of all items of the view, weighted by place."""
        sums = np.bincount(self._numbers, self._values * weights[self._places], self._size)
        return np.asarray(sums, dtype=np.float64)

    def _table(self, items: NDArray[np.int64]) -> Values:
        """Return how strongly each item that was met leads to each of ``items``: (n, m)."""
        row_of = np.full(self._size, -1, dtype=np.int64)
        row_of[items] = np.arange(len(items))
        rows = row_of[self._numbers]
        found = np.flatnonzero(rows >= 0)
        table = np.zeros((len(items), len(self._weights)), dtype=np.float32)
        table[rows[found], self._places[found]] = self._values[found]
        return table


def _weights(count: int, half_life: float) -> Values:
    places = np.arange(count, dtype=np.float32)
    return np.asarray(2 ** (-places / half_life), dtype=np.float32)


def _with_the_older_moved_up(terms: Values, up: np.float32) -> Values:
    """Return the sum of all terms but one, those after it times ``up``, for each: (n, m)."""
    before = np.cumsum(terms, axis=1) - terms
    after = terms.sum(axis=1, keepdims=True) - before - terms
    found: Values = before + up * after
    return found
