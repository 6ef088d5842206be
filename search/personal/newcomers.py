"""Give places to items that too few users met; their pictures say who may like them.

Such items have no scores from behavior, so without places of their own nobody would meet them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

FIRST_PLACE: Final = 11  # from 0: the twelfth place, and every third after it
STEP: Final = 3
HALF_LIFE: Final = 5.0  # items: of a user's newest, the sixth newest counts half


class Newcomers(NamedTuple):
    """Items of a view that have no factors of their own: numbers (n,), mapped factors (n, f)."""

    items: NDArray[np.int64]
    factors: NDArray[np.float32]

    def ranked(
        self, user: NDArray[np.float32], allowed: NDArray[np.bool_], most: int
    ) -> NDArray[np.int64]:
        """Return those allowed that are most like a user's factors (f,), best first: (<= most,)."""
        scores = self.factors @ user  # (n, f) @ (f,)
        scores[~allowed[self.items]] = -np.inf
        count = min(most, len(scores))
        if not count:
            return np.zeros(0, dtype=np.int64)
        # Partitioning values is several times as fast as partitioning their places.
        least = np.partition(scores, -count)[-count]
        best = np.flatnonzero((scores >= least) & (scores > -np.inf))
        best = best[np.argsort(-scores[best], kind="stable")][:count]
        return np.asarray(self.items[best], dtype=np.int64)


def user_factors(factors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the factors of a user (f,), from those of the items met (m, f), the newest first."""
    weights = 2 ** (-np.arange(len(factors), dtype=np.float32) / np.float32(HALF_LIFE))
    found: NDArray[np.float32] = weights.astype(np.float32) @ factors
    return found


def places_in(limit: int) -> list[int]:
    """Return the places of a list that newcomers get."""
    return list(range(FIRST_PLACE, limit, STEP))


def insert(shown: Sequence[int], newcomers: Sequence[int], limit: int) -> list[int]:
    """Return a list of at most ``limit`` items, with newcomers at their places.

    A newcomer before the first of these places stays there.
    """
    first = set(shown[:FIRST_PLACE])
    wanted = [item for item in newcomers if item not in first][: len(places_in(limit))]
    moved = set(wanted)
    found = [item for item in shown if item not in moved]
    for place, item in zip(places_in(limit), wanted, strict=False):
        found.insert(place, item)
    return found[:limit]
