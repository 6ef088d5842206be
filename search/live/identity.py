"""The identity guard of live writes: it compares with the pictures that are searched now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from indexer.arrays import unit
from indexer.vectors.position_mask import PositionMask
from indexer.writing.identity import ROUNDING

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from indexer.arrays import Embedding
    from indexer.writing.identity import StoredImage
    from search.live.view import ShopView


class ViewGuard:
    """Compares a styled picture with the originals in a view, which already has its items.

    The comparison is as approximate as the index.
    """

    def __init__(self, view: ShopView) -> None:
        self._view = view

    def recognizes(self, image: StoredImage, vector: Embedding) -> bool:
        """See ``IdentityGuard.recognizes``. False if none of its items is in the view."""
        numbers = [self._view.number(item_id) for item_id in image.item_ids]
        products = self._view.product[[number for number in numbers if number >= 0]]
        own = np.isin(self._view.product, products)  # (items,)
        query = unit(vector)
        nearest = self._best(query, own)
        return nearest > -np.inf and self._best(query, ~own) <= nearest + ROUNDING

    def _best(self, query: Embedding, items: NDArray[np.bool_]) -> float:
        """Return the best score of the originals of these items (items,), or -inf for no items."""
        best = -np.inf
        for segment in self._view.segments:
            alive = segment.item_of >= 0
            mask = PositionMask(alive & items[segment.item_of] & segment.images.are_original)
            if mask.count:
                best = max(best, float(segment.vectors.nearest(query, 1, mask).scores[0]))
        return best
