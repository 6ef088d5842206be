"""A shop at one moment, as searches see it: immutable, so that no answer mixes two moments.

A view consists of segments. The first is the generation's index. Rows that were written since it
was built are in small segments beside it, which are searched exactly. A row that was replaced or
deleted is dead in every segment that has it, and is never found. ``search.live.shop`` makes views.
A search uses the view that is the newest when the search begins.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer.arrays import Mask, unit
from indexer.items import ORIGINAL, clean_id
from search.cursor import MAX_DEPTH
from search.live.best_rows import BestRows, Candidate, best_row_of_items, group_scores

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from indexer.arrays import Embedding, Vectors
    from indexer.vectors.position_mask import PositionMask
    from search.live.layers import LayeredColumns
    from search.live.recall import RecallWatch
    from search.live.record_cache import RecordCache
    from search.live.segment import Segment

    _Parts = list[tuple[Segment, PositionMask | None]]

_SPARE = 1.5  # rows asked for, over those needed if all groups had equally many


class NearestItems(NamedTuple):
    """The best row of each item found, best first; ``exact`` compared all allowed rows."""

    found: list[Candidate]
    mode: Literal["exact", "ann"]


@dataclass(frozen=True, slots=True)
class ShopView:
    """The items of a shop at one moment, numbered from 0 to ``size - 1``; some may be deleted.

    ``ids`` and ``numbers`` are shared with later views, which append to them. An item is in this
    view if its number is below ``size`` and it is alive.
    """

    sequence: int  # of the last change of the store that is in this view
    size: int
    ids: Sequence[str]
    numbers: Mapping[str, int]
    product: NDArray[np.int64]  # (size,): the product number of each item
    product_numbers: int  # how many were ever given to products
    columns: LayeredColumns
    segments: tuple[Segment, ...]
    id_rank: NDArray[np.int32]  # (size,): the rank of each item's id, by which ties are broken
    item_of_text: NDArray[np.int32]  # (texts + 1,): the item of each text of the words; -1: none
    starter_items: Sequence[int]  # see ``starters``; shared with later views, like ``ids``
    records: RecordCache  # shared with later views too

    @property
    def items(self) -> int:
        """The number of items."""
        return int(np.count_nonzero(self.columns.alive))

    @property
    def products(self) -> int:
        """The number of products."""
        return self.columns.count_products(self.columns.alive, self.product)

    @property
    def rows(self) -> int:
        """The number of rows that can be found."""
        return sum(int((segment.item_of >= 0).sum()) for segment in self.segments)

    @property
    def backlog(self) -> int:
        """The number of rows that a rebuild would add to the index or remove from it."""
        index, *delta = (segment.item_of >= 0 for segment in self.segments)
        return int((~index).sum()) + sum(int(alive.sum()) for alive in delta)

    def number(self, item_id: str) -> int:
        """Return the number of an item; -1 if it is not in this view."""
        number = self.numbers.get(clean_id(item_id), -1)
        return number if 0 <= number < self.size and self.columns.alive[number] else -1

    def numbers_of(self, item_ids: Sequence[str]) -> NDArray[np.int64]:
        """Return the numbers of items (m,), as ``number`` does. Takes ids as they are stored."""
        get = self.numbers.get
        numbers = np.array([get(item_id, -1) for item_id in item_ids], dtype=np.int64)  # (m,)
        known = (numbers >= 0) & (numbers < self.size)
        known[known] = self.columns.alive[numbers[known]]
        return np.where(known, numbers, -1)

    def items_of(self, texts: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return the items of these texts of the index of words: (m,); -1 if not in this view."""
        items = self.item_of_text[texts]  # (m,)
        known = items >= 0
        known[known] = self.columns.alive[items[known]]
        return np.where(known, items, -1)

    def by_score(
        self, items: NDArray[np.integer], scores: NDArray[np.float64]
    ) -> NDArray[np.int64]:
        """Return the places of items (m,), best first: (m,). Ties are in the order of ids."""
        return np.lexsort((self.id_rank[items], -scores))

    def starters(self, limit: int) -> list[int]:
        """Return some items to show before the first search, from each category in turn."""
        found: list[int] = []
        for number in self.starter_items:
            if number < self.size and self.columns.alive[number]:
                found.append(number)
                if len(found) == limit:
                    break
        return found

    def images_of(self, rows: Sequence[int]) -> list[tuple[int, str]]:
        """Return the image number and the rendition of each of these rows, in their order.

        Row -1 (an item found by words alone) gives its first image in the original rendition.
        """
        found = [(0, ORIGINAL)] * len(rows)
        for segment in self.segments:  # later segments overwrite earlier ones
            # Number by number: for a page of hits that is faster than arrays are.
            position_of, image_at = segment.table.position_of, segment.images.at
            for place, row in enumerate(rows):
                position = position_of(row)
                if position >= 0:
                    found[place] = image_at(position)
        return found

    def vectors_of(self, rows: NDArray[np.int64], dim: int) -> Vectors:
        """Return the unit vectors of these rows (n,): (n, dim). Row -1 gives zeros."""
        out = np.zeros((len(rows), dim), dtype=np.float32)
        for segment in self.segments:
            positions = segment.table.positions_of(rows)  # (n,)
            here = np.flatnonzero(positions >= 0)
            if len(here) == len(rows):  # without a copy, which takes a third of the time
                return unit(segment.vectors.vectors_at(positions))
            if len(here):
                out[here] = unit(segment.vectors.vectors_at(positions[here]))  # stored rounded
        return out

    def main_rows(self, items: Sequence[int]) -> NDArray[np.int64]:
        """Return the row of the first image of each of these items: (n,), -1 if it has none."""
        wanted = np.zeros(self.size, dtype=np.bool_)
        wanted[list(items)] = True
        found: dict[int, int] = {}
        for segment in self.segments:
            places = np.flatnonzero(wanted[segment.item_of] & (segment.item_of >= 0))
            main = places[segment.images.are_main(places)]
            rows = segment.vectors.rows[main].tolist()
            found |= dict(zip(segment.item_of[main].tolist(), rows, strict=True))
        return np.array([found.get(item, -1) for item in items], dtype=np.int64)

    def item_vectors(self, dim: int) -> tuple[list[str], Vectors]:
        """Return the ids of all items and the vectors of their main images: (items, dim).

        An item without an image has a row of zeros.
        """
        numbers = np.flatnonzero(self.columns.alive).tolist()
        vectors = self.vectors_of(self.main_rows(numbers), dim)
        return [self.ids[number] for number in numbers], vectors

    def nearest(
        self,
        query: Embedding,
        mask: Mask | None,
        groups: NDArray[np.int64],
        limit: int,
        watch: RecallWatch | None = None,
        *,
        left_out: Sequence[int] = (),
    ) -> NearestItems:
        """Find the items nearest to a query, best first, until there are ``limit`` groups.

        ``query`` is (dim,). ``mask`` (items,) are the items that may be found; None allows all.
        ``groups`` (items,) has the group of each item. Fewer groups are found only if no more are
        allowed. All groups but the last have the same rank under a larger ``limit``, ties included
        (up to MAX_DEPTH rows). ``watch`` sets the effort of the search, and may check its result.
        ``left_out`` are a few items to drop from what is found.
        """
        best = self._best_rows(query, self._parts(mask), groups, limit, watch, left_out)
        if best is None:
            return NearestItems([], "exact")
        return NearestItems(best.candidates, best.mode)

    def nearest_numbers(
        self,
        queries: Iterable[Embedding],
        mask: Mask | None,
        groups: NDArray[np.int64],
        limit: int,
    ) -> Iterator[NDArray[np.int64]]:
        """Yield the numbers of the items that ``nearest`` finds for each query: (m,), best first.

        Applies the mask once for all queries, which in a large shop takes as long as a search.
        """
        parts = self._parts(mask)
        for query in queries:
            best = self._best_rows(query, parts, groups, limit, None)
            if best is not None:
                yield best.item

    def _parts(self, mask: Mask | None) -> _Parts:
        """Return the segments with their allowed positions; [] if there are no items."""
        if not self.size:
            return []
        return [(segment, segment.allowed(mask)) for segment in self.segments]

    def _best_rows(
        self,
        query: Embedding,
        parts: _Parts,
        groups: NDArray[np.int64],
        limit: int,
        watch: RecallWatch | None,
        left_out: Sequence[int] = (),
    ) -> BestRows | None:
        """Return the best rows of ``nearest``; None if nothing is allowed."""
        available = sum(
            len(segment.vectors) if allowed is None else allowed.count for segment, allowed in parts
        )
        k = min(available, self._rows_needed(limit + len(left_out), groups))
        while available:
            best = best_row_of_items(parts, query, k, watch, self.ids)
            if left_out:
                best = best.without(left_out)
            if k >= available:
                return best
            first = group_scores(best, groups, limit)
            if len(first) < limit:  # one product may have many images
                k = min(available, 4 * k)
            elif limit > 1 and first[-2] <= best.lowest and k < MAX_DEPTH:
                # Rows beyond the k-th may have the same score; which of them came is chance.
                k = min(available, 4 * k, MAX_DEPTH)
            else:
                return best
        return None

    def _rows_needed(self, limit: int, groups: NDArray[np.int64]) -> int:
        """Return how many rows to ask for at first, to reach ``limit`` groups."""
        known = self.product_numbers if groups is self.product else self.size
        rows_each = sum(len(segment.vectors) for segment in self.segments) / max(1, known)
        return limit if rows_each <= 1 else math.ceil(_SPARE * rows_each * limit)
