"""Give places to items that too few users met; their pictures and facts say who may like them.

Such items have no scores from behavior, so without places of their own nobody would meet them.
Their share of the places is learned (``newcomer_share``), and at least every third place from the
twelfth on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from indexer.arrays import places_of_largest
from search.personal.factors import FACTORS

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from numpy.typing import NDArray

    from indexer.arrays import Mask
    from search.personal.factors import Factors

_FREE: Final = 9  # places; of those after them, a third is the least that newcomers get
_STEP: Final = 3
HALF_LIFE: Final = 10.0  # items: of a user's newest, the eleventh newest counts half
_POPULAR: Final = 2.0
_PARTS: Final = (slice(FACTORS), slice(FACTORS, None))  # of behavior, and of likeness
_SPARE: Final = 4


class _Gains(NamedTuple):
    """What the popular among the newcomers gain: their places (p,) and gains (p,)."""

    popular: NDArray[np.float32]  # of all items, from which the gains are
    places: NDArray[np.int64]
    gains: NDArray[np.float32]


class Newcomers:
    """The items that too few users met, and how pictures and facts rank them for a user.

    Immutable, but for what it keeps of the last popularity.
    """

    def __init__(self, items: NDArray[np.int64], factors: Factors) -> None:
        """``items`` (n,) are their numbers, ``factors`` (n, f) those of a ``FactorMap``."""
        self._items = items
        self._factors = factors
        centered = factors - (factors.mean(axis=0) if len(factors) else 0)
        # So that how far the fit spreads is known without computing it.
        self._covariances = [
            centered[:, part].T.astype(np.float64) @ centered[:, part] / max(1, len(factors))
            for part in _PARTS
        ]
        self._gains: _Gains | None = None

    def best(
        self, met: Factors, allowed: Mask, popular: NDArray[np.float32], most: int
    ) -> NDArray[np.int64]:
        """Return the numbers of the allowed newcomers that fit a user, best first: (<= most,).

        ``met`` (m, f) are the factors of the items that the user met, the newest first; the first
        ``FACTORS`` columns are of behavior, the others of likeness, and both count alike.
        ``allowed`` and ``popular`` are of all items: how many users met each, 0 for too few to
        count. The most popular newcomer gains ``_POPULAR`` standard deviations of the fit.
        """
        if not len(self._items):
            return self._items
        user = 2 ** (-np.arange(len(met), dtype=np.float32) / HALF_LIFE) @ met  # (f,)
        for part, covariance in zip(_PARTS, self._covariances, strict=True):
            spread = float(user[part] @ covariance @ user[part])
            user[part] /= max(spread, 1e-24) ** 0.5
        scores: NDArray[np.float32] = self._factors @ user.astype(np.float32)
        gains = self._gains_of(popular)
        scores[gains.places] += gains.gains
        best = places_of_largest(scores, _SPARE * most)
        best = best[allowed[self._items[best]]]
        if len(best) < most:  # a tight filter
            best = np.flatnonzero(allowed[self._items])
        best = best[np.argsort(-scores[best], kind="stable")][:most]
        return self._items[best]

    def _gains_of(self, popular: NDArray[np.float32]) -> _Gains:
        found = self._gains
        if found is None or found.popular is not popular:
            values = popular[self._items]
            places = np.flatnonzero(values)
            gains = np.float32(_POPULAR / max(float(values.max()), 1e-12)) * values[places]
            found = self._gains = _Gains(popular, places, gains)
        return found


def due(places: int, share: float) -> int:
    """Return how many of the first ``places`` of a list newcomers get."""
    return max(int(places * share), (places - _FREE) // _STEP, 0)


def insert(
    shown: Sequence[int], newcomers: Sequence[int], new: Container[int], limit: int, share: float
) -> list[int]:
    """Return a list of at most ``limit`` items: those shown, with newcomers where they are due.

    ``newcomers`` are those to insert, best first; ``new`` are all, and those that are shown by
    themselves count too.
    """
    found: list[int] = []
    rest, wanted = list(reversed(shown)), list(reversed(newcomers))
    held = 0  # newcomers among those found
    while len(found) < limit and (rest or wanted):
        is_due = held < due(len(found) + 1, share) and bool(wanted)
        from_wanted = not rest or (is_due and rest[-1] not in new)
        item = (wanted if from_wanted else rest).pop()
        if item not in found:
            found.append(item)
            held += item in new
    return found
