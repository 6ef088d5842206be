"""Make small segments of the rows that were written since the index of a view was built."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from indexer.arrays import unit
from search.live.layers import RATIO
from search.live.row_images import concatenate_images
from search.live.segment import Segment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from indexer.store.records import Row
    from indexer.store.transactions import Reader
    from indexer.vectors.backend import VectorBackend
    from search.live.row_images import RenditionNames

logger = logging.getLogger("vitrine.search")


class SegmentBuilder:
    """Builds and merges the small segments of one shop, beside the index of its generation."""

    def __init__(self, index: VectorBackend, key: bytes, renditions: RenditionNames) -> None:
        """``key`` is the store's key of the encoder."""
        self.renditions = renditions
        self._index = index
        self._key = key

    def build(
        self, reader: Reader, new_rows: Sequence[tuple[int, Row]], item_numbers: Mapping[str, int]
    ) -> list[Segment]:
        """Return one segment with these rows, or [] if there are none.

        Rows that this encoder has not encoded are left out and logged. They exist if another
        process writes to the store with another encoder.
        """
        rows = {
            number: row for number, row in new_rows if reader.has_embedding(self._key, row.picture)
        }
        if skipped := len(new_rows) - len(rows):
            logger.warning("%d images are not encoded yet; searches do not find them", skipped)
        if not rows:
            return []
        pictures = [row.picture for row in rows.values()]
        vectors = unit(reader.embeddings(self._key, pictures, self._index.dim))  # (r, dim)
        numbers = np.fromiter(rows, dtype=np.int64, count=len(rows))
        items = [item_numbers[row.item_id] for row in rows.values()]
        images = self.renditions.images(
            [row.image_index for row in rows.values()],
            [self.renditions.number(row.rendition) for row in rows.values()],
        )
        index = self._index.build_delta(vectors, numbers)
        return [Segment.of(index, np.array(items, dtype=np.int64), images)]

    def merge_small(self, segments: Sequence[Segment]) -> list[Segment]:
        """Return the generation's segment and the small ones; merge small ones of similar size."""
        first, *small = segments
        small = [segment for segment in small if (segment.item_of >= 0).any()]
        while len(small) > 1 and len(small[-2].vectors) <= RATIO * len(small[-1].vectors):
            upper, lower = small.pop(), small.pop()
            small.append(self._merge([lower, upper]))
        return [first, *small]

    def _merge(self, segments: list[Segment]) -> Segment:
        """Return one segment with the rows of these that are alive."""
        alive = [np.flatnonzero(segment.item_of >= 0) for segment in segments]  # (a,) each
        pairs = list(zip(segments, alive, strict=True))
        index = self._index.build_delta(
            np.concatenate([segment.vectors.vectors_at(positions) for segment, positions in pairs]),
            np.concatenate([segment.vectors.rows[positions] for segment, positions in pairs]),
        )
        items = np.concatenate([segment.item_of[positions] for segment, positions in pairs])
        images = concatenate_images(
            [segment.images.select(positions) for segment, positions in pairs]
        )
        return Segment.of(index, items, images)
