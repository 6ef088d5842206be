"""Find the main images of all items of a view at once, because every request needs them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from indexer.arrays import Vectors
    from search.live.view import ShopView


class MainImages:
    """The row of the main image of each item of a view, and its vector. Immutable."""

    def __init__(self, view: ShopView, dim: int) -> None:
        """``dim`` is that of the vectors."""
        self.view = view
        self._dim = dim
        self._rows = np.full(view.size, -1, dtype=np.int64)
        for segment in view.segments:  # later segments overwrite earlier ones
            places = np.flatnonzero(segment.item_of >= 0)
            main = places[segment.images.are_main(places)]
            self._rows[segment.item_of[main]] = segment.vectors.rows[main]

    def rows_of(self, items: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the rows of items (n,): (n,), -1 for an item without an image."""
        rows: NDArray[np.int64] = self._rows[items]
        return rows

    def vectors_of(self, items: NDArray[np.int64]) -> Vectors:
        """Return the unit vectors of items (n,): (n, dim), zeros for an item without an image."""
        return self.view.vectors_of(self.rows_of(items), self._dim)
