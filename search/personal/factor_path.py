"""How a user's newest items lead to others, by factors of behavior."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from search.personal.paths import PRIOR, drop_of, weights_by_place

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from search.personal.factors import Factors
    from search.personal.paths import Values


class FactorPath:
    """How the newest items (m,), the newest first, lead to others, like ``Path``.

    ``factors`` (n, f) are those of all items, see ``factors.leading``; zeros for an item without.
    ``user`` (f,) is the weighted mean of those of the newest items.
    """

    def __init__(self, met: NDArray[np.int64], factors: Factors, half_life: float) -> None:
        self._half_life = half_life
        self._factors = factors
        self._own = _rows(factors, met)  # (m, f)
        self._weights = weights_by_place(len(met), half_life)
        total = self._weights.sum() + np.float32(PRIOR)
        self.user: Values = self._weights @ self._own / total  # (f,)

    def strength(self, items: NDArray[np.int64]) -> Values:
        """Return the weighted mean strength with which the newest items lead to each: (n,)."""
        found: Values = _rows(self._factors, items) @ self.user
        return found

    def drop(self, items: NDArray[np.int64]) -> Values:
        """Return what the strength loses without each of the items that were met: (n, m)."""
        terms = (_rows(self._factors, items) @ self._own.T) * self._weights
        return drop_of(terms, self._weights, self._half_life)


def _rows(factors: Factors, items: NDArray[np.int64]) -> Factors:
    """Return the factors of items (m, f); zeros for those that are newer than the factors."""
    found: Factors = np.zeros((len(items), factors.shape[1]), dtype=np.float32)
    known = items < len(factors)
    found[known] = factors[items[known]]
    return found
