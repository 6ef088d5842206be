"""The factors of all items of a view: of those that enough users met, and of newcomers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from indexer.arrays import places_of_largest
from search.personal.factors import FACTORS
from search.personal.newcomers import Newcomers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from indexer.arrays import Mask
    from search.personal.factors import Factors


class ItemFactors:
    """Factors of items by behavior, and what pictures and facts suggest for newcomers.

    Items of both kinds are kept apart, so that a request only reads those that it ranks. Immutable.
    """

    def __init__(self, own: Factors, mapped: Factors, share: float = 0.0) -> None:
        """``own`` (n, f) are factors by behavior, zeros where too few users met the item.

        ``mapped`` (n, k) are those of a ``FactorMap``, zeros without picture and facts. ``share``
        is that of the places that newcomers get.
        """
        self.own = own
        self.share = share
        is_warm: Mask = np.any(own, axis=1)
        self._known = mapped.copy()
        self._known[is_warm, : own.shape[1]] = own[is_warm]
        self._is_new: Mask = ~is_warm
        self._warm = np.flatnonzero(is_warm)
        self._of_warm = own[self._warm]
        new = np.flatnonzero(self._is_new & np.any(mapped, axis=1))
        self._newcomers = Newcomers(new, mapped[new])

    def are_new(self, items: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which of the items (n,) too few users met: (n,)."""
        new = np.ones(len(items), dtype=np.bool_)
        inside = items < len(self._is_new)
        new[inside] = self._is_new[items[inside]]
        return new

    def led_to(self, user: Factors, limit: int, allowed: Mask) -> NDArray[np.int64]:
        """Return the allowed items to which factors (f,) lead most, up to ``limit``: in no order.

        ``allowed`` is of all items (size,).
        """
        if not user.any() or not len(self._warm):
            return np.zeros(0, dtype=np.int64)
        scores = self._of_warm @ user
        scores[~allowed[self._warm]] = -np.inf
        places = places_of_largest(scores, limit)
        found: NDArray[np.int64] = self._warm[places[scores[places] > 0]]  # 0 or less leads nowhere
        return found

    def newcomers(
        self, met: NDArray[np.int64], allowed: Mask, popular: NDArray[np.float32], most: int
    ) -> NDArray[np.int64]:
        """Return the items without factors of their own that fit a user, best first: (<= most,).

        ``met`` are the items that the user met, the newest first; ``allowed`` and ``popular`` are
        of all items (size,). A user of whose items nothing is known gets none.
        """
        known = self._known[met[met < len(self._known)]]
        if not known.any():
            return np.zeros(0, dtype=np.int64)
        return self._newcomers.best(known, allowed, popular, most)


NO_FACTORS: Final = ItemFactors(
    np.zeros((0, FACTORS), dtype=np.float32), np.zeros((0, FACTORS), dtype=np.float32)
)
