"""The rows of all items of a store, in arrays, and the segment that an index makes with them."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

import numpy as np

from indexer.vectors.row_table import RowTable
from search.live.view import Segment

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from indexer.store.records import ItemRecord
    from indexer.vectors.backend import VectorBackend
    from search.live.row_images import RenditionNames


class RowColumns:
    """What the items of a store say of their rows: columns, with no object for each row."""

    def __init__(self, renditions: RenditionNames) -> None:
        self._renditions = renditions
        self._row, self._item = array("q"), array("q")
        self._image, self._rendition = array("i"), array("h")

    def add(self, item: int, record: ItemRecord) -> None:
        """Add the rows of an item, by its number."""
        for image, stored in enumerate(record.images):
            for name, row in stored.rows.items():
                self._row.append(row)
                self._item.append(item)
                self._image.append(image)
                self._rendition.append(self._renditions.number(name))

    def segment_of(self, index: VectorBackend) -> tuple[Segment, dict[int, int]]:
        """Return the segment of an index, and the rows it lacks, each with its item's number.

        Rows of the index that the store no longer has are dead.
        """
        rows, items = np.asarray(self._row), np.asarray(self._item)  # (r,) each
        table = RowTable(index.rows)
        positions = table.positions_of(rows)  # (r,)
        known = positions >= 0

        def by_position(column: array[int], absent: int) -> NDArray[np.integer]:
            values = np.asarray(column)  # (r,)
            out = np.full(len(index), absent, dtype=values.dtype)  # (n,)
            out[positions[known]] = values[known]
            return out

        images = self._renditions.images(
            by_position(self._image, 0), by_position(self._rendition, 0)
        )
        segment = Segment(index, table, by_position(self._item, -1).astype(np.int64), images)
        pending = zip(rows[~known].tolist(), items[~known].tolist(), strict=True)
        return segment, dict(pending)
