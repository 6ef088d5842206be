"""One index of a view, with the item and the image behind each of its positions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from indexer.vectors.position_mask import PositionMask
from indexer.vectors.row_table import RowTable

if TYPE_CHECKING:
    from indexer.arrays import Mask
    from indexer.vectors.backend import VectorBackend
    from search.live.row_images import RowImages


@dataclass(frozen=True)
class Segment:
    """An index, and the item and the image behind each of its positions."""

    vectors: VectorBackend
    table: RowTable  # from row numbers to positions
    item_of: NDArray[np.int64]  # (n,): item numbers, -1 for dead rows
    images: RowImages  # (n,)

    @classmethod
    def of(cls, vectors: VectorBackend, item_of: NDArray[np.int64], images: RowImages) -> Segment:
        """Make a segment of an index, its items (n,) and its images (n,)."""
        return cls(vectors, RowTable(vectors.rows), item_of, images)

    @cached_property
    def alive(self) -> PositionMask | None:
        """The positions whose rows are alive; None if all are."""
        mask = self.item_of >= 0
        return None if mask.all() else PositionMask(mask)

    def allowed(self, mask: Mask | None) -> PositionMask | None:
        """Return the positions of the items in ``mask`` (items,) whose rows are alive.

        A ``mask`` of None allows all items. Returns None if all positions are allowed.
        """
        if mask is None:
            return self.alive
        # Item -1 reads the last entry of the mask; the comparison drops it.
        return PositionMask(mask[self.item_of] & (self.item_of >= 0))

    def with_dead_rows(self, items: Mask) -> Segment:
        """Return a copy in which the rows of these items (items,) are dead.

        Returns the segment itself if it has no rows of them.
        """
        # Item -1 reads the last entry of the mask; the comparison drops it.
        dead = items[self.item_of] & (self.item_of >= 0)  # (n,)
        if not dead.any():
            return self
        return replace(self, item_of=np.where(dead, -1, self.item_of))
