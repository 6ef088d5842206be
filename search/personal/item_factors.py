"""The factors of all items of a view: of those that enough users met, and of newcomers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from search.personal.factors import FACTORS
from search.personal.newcomers import rank_newcomers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from indexer.arrays import Mask
    from search.personal.factors import Factors


class ItemFactors(NamedTuple):
    """Factors of items: ``own`` (n, f) by behavior, zeros where too few users met the item.

    ``known`` (n, k) are those of a ``FactorMap``, zeros without picture and facts; those of
    behavior are an item's own if it has some. ``share`` is that of the places newcomers get.
    """

    own: Factors
    known: Factors
    share: float = 0.0

    @classmethod
    def of(cls, own: Factors, mapped: Factors, share: float) -> ItemFactors:
        """Return the factors of items from their own (n, f) and those that are mapped (n, k)."""
        known = mapped.copy()
        warm = own.any(axis=1)
        known[warm, : own.shape[1]] = own[warm]
        return cls(own, known, share)

    def are_new(self, items: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which of the items (n,) too few users met: (n,)."""
        new = np.ones(len(items), dtype=np.bool_)
        inside = items < len(self.own)
        new[inside] = ~self.own[items[inside]].any(axis=1)
        return new

    def newcomers(
        self, met: NDArray[np.int64], allowed: Mask, popular: NDArray[np.float32], most: int
    ) -> NDArray[np.int64]:
        """Return the items without factors of their own that fit a user, best first: (<= most,).

        ``met`` are the items that the user met, the newest first; ``allowed`` and ``popular`` are
        of all items (size,). A user of whose items nothing is known gets none.
        """
        count = len(self.known)
        known = self.known[met[met < count]]
        if not known.any():
            return np.zeros(0, dtype=np.int64)
        is_new = allowed[:count] & self.known.any(axis=1) & ~self.own.any(axis=1)
        items = np.flatnonzero(is_new)
        return items[rank_newcomers(self.known[items], known, popular[items], most)]


NO_FACTORS: Final = ItemFactors(
    np.zeros((0, FACTORS), dtype=np.float32), np.zeros((0, FACTORS), dtype=np.float32)
)
