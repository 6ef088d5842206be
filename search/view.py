"""A shop as one engine sees it: the store's items at opening, and the rows that find them.

The generation's index may be older than the store. Rows that the store has and the index
lacks form a second, small index (the delta); rows that the index has and the store lacks are
dead and never found. So a view is always exactly what the store held when it was opened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer.arrays import unit
from indexer.vectors import VectorIndex
from search.columns import Columns, Mask

if TYPE_CHECKING:
    from indexer.arrays import Embedding
    from indexer.items import Item
    from indexer.store import Reader, Row


class Segment(NamedTuple):
    """An index and, for each of its positions, the item it finds (-1 where it is dead)."""

    vectors: VectorIndex
    item_of: NDArray[np.int64]  # (n,)


class Found(NamedTuple):
    """The best row of one item: the item's number, the row and its score."""

    item: int
    row: int
    score: float


class ShopView:
    """The items of a shop numbered 0 to n - 1, in the byte order of their ids."""

    def __init__(self, reader: Reader, index: VectorIndex, key: bytes) -> None:
        """Read everything from one view of the store; ``key`` is the encoder's."""
        items: list[Item] = [record.item for record in reader.items()]
        self.ids = [item.item_id for item in items]
        self.number = {item_id: n for n, item_id in enumerate(self.ids)}
        products: dict[str, int] = {}
        self.product = np.array(
            [products.setdefault(item.product_id, len(products)) for item in items],
            dtype=np.int64,
        )  # (items,)
        self.columns = Columns(items)
        self.first_of_category = _spread(items)
        rows: dict[int, Row] = dict(reader.rows())
        self.segments = [Segment(index, self._items_of(index.rows, rows))]
        known = set(index.rows.tolist())
        fresh = [number for number in rows if number not in known]
        if fresh:
            contents = [(rows[number].content, rows[number].variant) for number in fresh]
            vectors = unit(reader.embeddings(key, contents, index.dim))  # (fresh, dim)
            delta = VectorIndex.build(vectors, np.array(fresh, dtype=np.int64))
            self.segments.append(Segment(delta, self._items_of(delta.rows, rows)))
        # (image index, variant) of each row, to say which image of an item matched
        self._image_of = {number: (row.image_index, row.variant) for number, row in rows.items()}

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def rows(self) -> int:
        """How many rows can be found."""
        return len(self._image_of)

    def image_of(self, row: int) -> tuple[int, str]:
        """Which image of its item a row stands for, and in which variant."""
        return self._image_of[row]

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

    def _items_of(self, numbers: NDArray[np.int64], rows: dict[int, Row]) -> NDArray[np.int64]:
        return np.array(
            [self.number[rows[n].item_id] if n in rows else -1 for n in numbers.tolist()],
            dtype=np.int64,
        )


def _spread(items: list[Item]) -> list[int]:
    """Item numbers, one of each main category in turn: a first impression of the shop."""
    by_category: dict[str, list[int]] = {}
    products: set[str] = set()
    for number, item in enumerate(items):
        if item.product_id not in products:
            products.add(item.product_id)
            category = item.categories[0] if item.categories else ""
            by_category.setdefault(category, []).append(number)
    out: list[int] = []
    for turn in range(max(map(len, by_category.values()), default=0)):
        out.extend(numbers[turn] for numbers in by_category.values() if turn < len(numbers))
        if len(out) > 200:
            break
    return out
