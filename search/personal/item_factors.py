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
    """Factors of items (n, f): ``own`` by behavior, zeros where too few users met the item.

    ``known`` are also those that pictures and facts suggest, zeros where they suggest none.
    """

    own: Factors
    known: Factors

    def newcomers(
        self, met: NDArray[np.int64], allowed: Mask, popular: NDArray[np.float32], most: int
    ) -> NDArray[np.int64]:
        """Return the items without factors of their own that fit a user, best first: (<= most,).

        ``met`` are the items that the user met, the newest first; ``allowed`` and ``popular`` are
        of all items (size,). A user whose items have no factors gets none.
        """
        count = len(self.known)
        own = self.known[met[met < count]]
        if not own.any():
            return np.zeros(0, dtype=np.int64)
        is_new = allowed[:count] & self.known.any(axis=1) & ~self.own.any(axis=1)
        items = np.flatnonzero(is_new)
        return items[rank_newcomers(self.known[items], own, popular[items], most)]


NO_FACTORS: Final = ItemFactors(
    np.zeros((0, FACTORS), dtype=np.float32), np.zeros((0, FACTORS), dtype=np.float32)
)
