"""A shop at one moment, as searches see it: immutable, so that no answer mixes two moments.

A view consists of segments. The first is the generation's index. Rows written since it was built
are in small ones beside it, searched exactly. A row that was replaced or deleted is dead in every
segment that holds it, and never found. ``search.live.shop`` makes views; a search takes the newest
one when it begins, and keeps it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer.arrays import unit
from indexer.items import clean_id
from indexer.vectors.position_mask import PositionMask
from indexer.vectors.row_table import RowTable
from search.cursor import MAX_DEPTH
from search.live.columns import Mask

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from indexer.arrays import Embedding, Scores, Vectors
    from indexer.vectors.backend import VectorBackend
    from search.live.layers import LayeredColumns
    from search.live.recall import RecallWatch
    from search.live.row_images import RowImages

_SPARE = 1.5  # of groups with several rows: how many more to ask for than an even spread needs


@dataclass(frozen=True)
class Segment:
    """An index and, for each of its positions, the number of its item and which image it is."""

    vectors: VectorBackend
    table: RowTable  # of its rows
    item_of: NDArray[np.int64]  # (n,), -1 if the row is dead
    images: RowImages  # (n,)

    @classmethod
    def of(cls, vectors: VectorBackend, item_of: NDArray[np.int64], images: RowImages) -> Segment:
        """Make a segment of an index, its items (n,) and its images (n,)."""
        return cls(vectors, RowTable(vectors.rows), item_of, images)

    @cached_property
    def alive(self) -> PositionMask | None:
        """The positions that are not dead; None if all are alive."""
        mask = self.item_of >= 0
        return None if mask.all() else PositionMask(mask)

    def allowed(self, mask: Mask | None) -> PositionMask | None:
        """Return the positions alive of the items in ``mask`` (items,); None if that is all.

        A ``mask`` of None allows all items.
        """
        if mask is None:
            return self.alive
        return PositionMask(mask[self.item_of] & (self.item_of >= 0))  # -1 reads what & drops


class Candidate(NamedTuple):
    """The best row of one item: the item's number, the row, its score, and how sure it is."""

    item: int
    row: int
    score: float
    confidence: float | None = None


class NearestItems(NamedTuple):
    """What a search found, and whether it compared all that it could have."""

    found: list[Candidate]
    mode: Literal["exact", "ann"]


class _Best(NamedTuple):
    """The best row of each item, how they came, and the score of the last row looked at."""

    found: list[Candidate]
    mode: Literal["exact", "ann"]
    floor: float


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
    product_numbers: int  # how many of them are in use, in this view or before
    columns: LayeredColumns
    segments: tuple[Segment, ...]
    first: Sequence[int]  # some items of each category in turn; also shared, also checked

    @property
    def items(self) -> int:
        """How many items there are."""
        return int(np.count_nonzero(self.columns.alive))

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
        number = self.numbers.get(clean_id(item_id), -1)
        return number if 0 <= number < self.size and self.columns.alive[number] else -1

    def starters(self, limit: int) -> list[int]:
        """Items to begin with: one of each category in turn, as it was when this shop opened."""
        found: list[int] = []
        for number in self.first:
            if number < self.size and self.columns.alive[number]:
                found.append(number)
                if len(found) == limit:
                    break
        return found

    def image_of(self, row: int) -> tuple[int, str]:
        """Return which image of its item a row stands for, and its rendition. KeyError."""
        for segment in reversed(self.segments):  # a later segment holds later news
            position = segment.table.position_of(row)
            if position >= 0:
                return segment.images.at(position)
        raise KeyError(row)

    def vectors_of(self, rows: NDArray[np.int64], dim: int) -> Vectors:
        """Return the vectors of these rows, (n,) to (n, dim), of unit length; zeros for row -1."""
        out = np.zeros((len(rows), dim), dtype=np.float32)
        for segment in self.segments:
            positions = segment.table.positions_of(rows)  # (n,)
            here = np.flatnonzero(positions >= 0)
            if len(here):
                out[here] = unit(segment.vectors.vectors_at(positions[here]))  # rounded as stored
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

    def nearest(
        self,
        query: Embedding,
        mask: Mask | None,
        groups: NDArray[np.int64],
        limit: int,
        watch: RecallWatch | None = None,
    ) -> NearestItems:
        """The best row of each item, best first, until ``limit`` distinct groups are reached.

        ``query`` is (dim,); ``mask`` (items,) says which items may be found, None means all;
        ``groups`` (items,) numbers what counts as distinct. Fewer come back only when no more
        items are allowed. All groups but the last keep their rank when more are asked for, ties
        included (up to MAX_DEPTH rows). ``watch`` decides how hard to search the index, and may
        look at the answer.
        """
        if not self.size:
            return NearestItems([], "exact")
        parts = [(segment, segment.allowed(mask)) for segment in self.segments]
        available = sum(
            len(segment.vectors) if allowed is None else allowed.count for segment, allowed in parts
        )
        k = min(available, self._rows_for(limit, groups))
        while available:
            best = _best_of_items(parts, query, k, watch, self.ids)
            if k >= available:
                return NearestItems(best.found, best.mode)
            first = _leading_scores(best.found, groups, limit)
            if len(first) < limit:  # one product may fill the whole answer with its images
                k = min(available, 4 * k)
            elif limit > 1 and first[-2] <= best.floor and k < MAX_DEPTH:
                # Rows that were not looked at score as high: which of them came is chance.
                k = min(available, 4 * k, MAX_DEPTH)
            else:
                return NearestItems(best.found, best.mode)
        return NearestItems([], "exact")

    def _rows_for(self, limit: int, groups: NDArray[np.int64]) -> int:
        """How many rows to ask for at first, to reach ``limit`` distinct groups."""
        known = self.product_numbers if groups is self.product else self.size
        rows_each = sum(len(segment.vectors) for segment in self.segments) / max(1, known)
        return limit if rows_each <= 1 else math.ceil(_SPARE * rows_each * limit)


def _best_of_items(
    parts: list[tuple[Segment, PositionMask | None]],
    query: Embedding,
    k: int,
    watch: RecallWatch | None,
    ids: Sequence[str],
) -> _Best:
    """The best of each item among the k best allowed rows of all segments, best first."""
    mode: Literal["exact", "ann"] = "exact"
    extra_levels = 0 if watch is None else watch.extra_levels
    items, rows, scores = [], [], []
    for segment, allowed in parts:
        if not len(segment.vectors) or (allowed is not None and not allowed.count):
            continue
        near = segment.vectors.nearest(query, k, allowed, extra_levels=extra_levels)
        if near.mode == "ann":
            mode = "ann"
            if watch is not None:
                watch.offer(query, allowed, near.scores)
        there = near.positions[near.positions >= 0]  # (r,) up to k
        items.append(segment.item_of[there])
        rows.append(segment.vectors.rows[there])
        scores.append(near.scores[: len(there)])
    item, row, score = np.concatenate(items), np.concatenate(rows), np.concatenate(scores)  # (r,)
    order = _order(score, item, row, ids)[:k]
    taken: set[int] = set()
    best = []  # of each item, its best row
    for one in zip(item[order].tolist(), row[order].tolist(), score[order].tolist(), strict=True):
        if one[0] not in taken:
            taken.add(one[0])
            best.append(Candidate(*one))
    return _Best(best, mode, float(score[order[-1]]) if len(order) == k else -math.inf)


def _order(
    score: Scores, item: NDArray[np.int64], row: NDArray[np.int64], ids: Sequence[str]
) -> NDArray[np.int64]:
    """Positions, the best score first; of equal ones by item id, then by row; all (r,).

    Not by item number: that is another one in another process, and pages go from one to the next.
    """
    order = np.lexsort((row, np.negative(score)))
    ranked = score[order]
    if not (ranked[1:] == ranked[:-1]).any():
        return order
    names = [ids[number] for number in item.tolist()]
    keys = list(zip((-score).tolist(), names, row.tolist(), strict=True))
    return np.array(sorted(range(len(keys)), key=keys.__getitem__), dtype=np.int64)


def _leading_scores(found: list[Candidate], groups: NDArray[np.int64], most: int) -> list[float]:
    """The best score of each of the first ``most`` groups, best first."""
    scores: dict[int, float] = {}
    for group, one in zip(groups[[one.item for one in found]].tolist(), found, strict=True):
        scores.setdefault(group, one.score)
        if len(scores) == most:
            break
    return list(scores.values())
