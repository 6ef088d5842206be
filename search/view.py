"""A shop at one moment, as searches see it: immutable, so that no answer mixes two moments.

A view is made of segments. The first is the generation's index; rows that were written since it
was built are in small ones beside it, searched exactly. A row that was replaced or deleted is
dead in every segment that holds it, and never found. ``search.live`` makes views; a search takes
the newest one when it begins and stays with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from search.columns import Mask

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from indexer.arrays import Embedding
    from indexer.vectors import VectorIndex
    from search.layers import LayeredColumns


class Segment(NamedTuple):
    """An index and, for each of its positions, the item it finds (-1 where it is dead).

    ``images`` says of each row which image of its item it stands for, and in which variant.
    """

    vectors: VectorIndex
    item_of: NDArray[np.int64]  # (n,)
    images: Mapping[int, tuple[int, str]]


class Found(NamedTuple):
    """The best row of one item: the item's number, the row, its score, and how sure it is."""

    item: int
    row: int
    score: float
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class ShopView:
    """The items of a shop under numbers 0 to ``size - 1``; some may be deleted.

    ``ids`` and ``numbers`` are shared with later views, which only add to them: what has no
    number below ``size``, or is not alive, is not in this view.
    """

    sequence: int  # the last change of the store that it knows of
    size: int
    ids: Sequence[str]
    numbers: Mapping[str, int]
    product: NDArray[np.int64]  # (size,)
    columns: LayeredColumns
    segments: tuple[Segment, ...]
    first: Sequence[int]  # some items of each category in turn; also shared, also checked

    @property
    def items(self) -> int:
        """How many items there are."""
        return int(self.columns.alive.sum())

    @property
    def products(self) -> int:
        """How many products there are."""
        return len(np.unique(self.product[self.columns.alive]))

    @property
    def rows(self) -> int:
        """How many rows can be found."""
        return sum(int((segment.item_of >= 0).sum()) for segment in self.segments)

    @property
    def backlog(self) -> int:
        """Rows that a rebuild would bring into the index or out of it."""
        index, *delta = (segment.item_of >= 0 for segment in self.segments)
        return int((~index).sum()) + sum(int(alive.sum()) for alive in delta)

    def number(self, item_id: str) -> int:
        """The number of an item; -1 when it is not in this view."""
        number = self.numbers.get(item_id, -1)
        return number if 0 <= number < self.size and self.columns.alive[number] else -1

    def some(self, limit: int) -> list[int]:
        """Items to begin with: one of each category in turn, as it was when this shop opened."""
        found: list[int] = []
        for number in self.first:
            if number < self.size and self.columns.alive[number]:
                found.append(number)
                if len(found) == limit:
                    break
        return found

    def image_of(self, row: int) -> tuple[int, str]:
        """Which image of its item a row stands for, and in which variant."""
        for segment in reversed(self.segments):  # a later segment holds later news
            if row in segment.images:
                return segment.images[row]
        raise KeyError(row)

    def nearest(
        self, query: Embedding, mask: Mask | None, groups: NDArray[np.int64], limit: int
    ) -> list[Found]:
        """The best row of each item, best first, until ``limit`` distinct groups are reached.

        ``query`` is (dim,); ``mask`` (items,) says which items may be found, None means all;
        ``groups`` (items,) numbers what counts as distinct. Fewer come back only when no more
        items are allowed.
        """
        allowed = [self._allowed(segment, mask) for segment in self.segments]
        available = sum(int(a.sum()) for a in allowed)
        k = min(available, max(32, 4 * limit))
        while available:
            best: dict[int, Found] = {}
            for item, row, score in self._rows_by_score(query, allowed, k):
                if item not in best:
                    best[item] = Found(item, row, score)
            found = list(best.values())
            distinct = len({int(groups[one.item]) for one in found})
            if distinct >= limit or k >= available:
                return found
            # One product may fill the whole answer with its images: look further.
            k = min(available, 4 * k)
        return []

    def _rows_by_score(
        self, query: Embedding, allowed: list[Mask], k: int
    ) -> list[tuple[int, int, float]]:
        """The k best allowed rows of all segments: (item, row, score), best first."""
        merged: list[tuple[float, int, int]] = []
        for segment, mask in zip(self.segments, allowed, strict=True):
            if not mask.any():
                continue
            everything = None if mask.all() else mask
            rows, scores = segment.vectors.search(query[None, :], k, everything)  # (1, k) each
            positions = segment.vectors.positions(rows[0])
            merged.extend(
                (-float(score), int(segment.item_of[position]), int(row))
                for position, row, score in zip(positions, rows[0], scores[0], strict=True)
                if row >= 0
            )
        merged.sort()
        return [(item, row, -negative) for negative, item, row in merged[:k]]

    def _allowed(self, segment: Segment, mask: Mask | None) -> Mask:
        alive = segment.item_of >= 0
        if mask is None:
            return np.asarray(alive)
        return np.asarray(alive & mask[segment.item_of])  # item -1 reads a value that & drops
