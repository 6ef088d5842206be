"""The order of items' ids, by number: ties of scores are broken by it, in every process."""

from __future__ import annotations

from bisect import bisect
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


class IdOrder:
    """Ranks the ids of a shop's items, which are only ever added to."""

    def __init__(self, ids: Sequence[str]) -> None:
        """``ids`` are by number, and stay shared with the caller."""
        self._ids = ids
        order = sorted(range(len(ids)), key=ids.__getitem__)
        self._order = np.array(order, dtype=np.int32)  # (n,): numbers, by id
        self.ranks = _ranks(self._order)  # (n,): the rank of each number's id

    def extend(self) -> None:
        """Rank the ids that were added since. ``ranks`` is a new array then."""
        ids = self._ids
        added = sorted(range(len(self._order), len(ids)), key=ids.__getitem__)
        if not added:
            return
        places = [bisect(self._order, ids[number], key=ids.__getitem__) for number in added]
        self._order = np.insert(self._order, places, added)
        self.ranks = _ranks(self._order)


def _ranks(order: NDArray[np.int32]) -> NDArray[np.int32]:
    ranks = np.empty(len(order), dtype=np.int32)
    ranks[order] = np.arange(len(order), dtype=np.int32)
    return ranks
