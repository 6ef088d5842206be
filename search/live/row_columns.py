"""The rows of all items of a store, as arrays; from them and an index, the first segment."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

import numpy as np

from indexer.vectors.row_table import RowTable
from search.live.segment import Segment

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from indexer.store.records import ItemRecord
    from indexer.vectors.backend import VectorBackend
    from search.live.row_images import RenditionNames


class RowColumns:
    """The row number, item, image and rendition of each row in a store, as four arrays."""

    def __init__(self, renditions: RenditionNames) -> None:
        self._renditions = renditions
        self._row, self._item = array("q"), array("q")
        self._image, self._rendition = array("i"), array("h")

    def add(self, item: int, record: ItemRecord) -> None:
        """Add the rows of an item; ``item`` is its number."""
        for image, image_record in enumerate(record.images):
            for name, row in image_record.rows.items():
                self._row.append(row)
                self._item.append(item)
                self._image.append(image)
                self._rendition.append(self._renditions.number(name))

    def make_segment(self, index: VectorBackend) -> tuple[Segment, dict[int, int]]:
        """Return the segment of an index, and the rows that the index lacks.

        These are a dict of row number and item number. Rows that the index has and the store has
        no longer are dead in the segment.
        """
        rows, items = np.asarray(self._row), np.asarray(self._item)  # (r,) each
        table = RowTable(index.rows)
        positions = table.positions_of(rows)  # (r,)
        indexed = positions >= 0

        def by_position(column: array[int], default: int) -> NDArray[np.integer]:
            values = np.asarray(column)  # (r,)
            out = np.full(len(index), default, dtype=values.dtype)  # (n,)
            out[positions[indexed]] = values[indexed]
            return out

        images = self._renditions.images(
            by_position(self._image, 0), by_position(self._rendition, 0)
        )
        segment = Segment(index, table, by_position(self._item, -1).astype(np.int64), images)
        missing = zip(rows[~indexed].tolist(), items[~indexed].tolist(), strict=True)
        return segment, dict(missing)
