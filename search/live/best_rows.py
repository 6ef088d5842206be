"""Search the segments of a view, and keep the best row of each item."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from indexer.arrays import Embedding, Scores
    from indexer.vectors.position_mask import PositionMask
    from search.live.recall import RecallWatch
    from search.live.segment import Segment


class Candidate(NamedTuple):
    """An item that may become a hit, with its best row: both by number.

    ``row`` is -1 for an item found by words alone. ``confidence`` is that of ``Hit``.
    """

    item: int
    row: int
    score: float
    confidence: float | None = None


class BestRows(NamedTuple):
    """The best row of each item among k rows, best first, and the score of the k-th row.

    All three arrays are (m,). ``lowest`` is -inf if there are fewer than k rows.
    """

    item: NDArray[np.int64]
    row: NDArray[np.int64]
    score: Scores
    mode: Literal["exact", "ann"]
    lowest: float

    def without(self, items: Sequence[int]) -> BestRows:
        """Return the rows of all but these few items."""
        kept = (self.item[:, None] != items).all(axis=1)  # (m, 1), (few,) -> (m,)
        return self._replace(item=self.item[kept], row=self.row[kept], score=self.score[kept])

    @property
    def candidates(self) -> list[Candidate]:
        """The rows as candidates."""
        return list(map(Candidate, self.item.tolist(), self.row.tolist(), self.score.tolist()))


def best_row_of_items(
    parts: list[tuple[Segment, PositionMask | None]],
    query: Embedding,
    k: int,
    watch: RecallWatch | None,
    ids: Sequence[str],
) -> BestRows:
    """Find the k best allowed rows of all segments, and keep the best row of each item."""
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
        positions = near.positions[near.positions >= 0]  # (<= k,)
        items.append(segment.item_of[positions])
        rows.append(segment.vectors.rows[positions])
        scores.append(near.scores[: len(positions)])
    item, row, score = _concatenate(items), _concatenate(rows), _concatenate(scores)  # (r,)
    order = _sort_order(score, item, row, ids)
    first = slice(k) if order is None else order[:k]
    item, row, score = item[first], row[first], score[first]  # (<= k,)
    lowest = float(score[-1]) if len(score) == k else -math.inf
    best = first_places(item)
    if len(best) < len(item):  # else no item has two of the rows
        item, row, score = item[best], row[best], score[best]
    return BestRows(item, row, score, mode, lowest)


def first_places(numbers: NDArray[np.integer]) -> list[int]:
    """Return the first place of each number, in order: (m,), given (k,)."""
    last_to_first = range(len(numbers) - 1, -1, -1)
    return sorted(dict(zip(numbers[::-1].tolist(), last_to_first, strict=True)).values())


def _concatenate(parts: list[NDArray[Any]]) -> NDArray[Any]:
    """Concatenate arrays; a single array is returned as it is, which is most searches."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _sort_order(
    score: Scores, item: NDArray[np.int64], row: NDArray[np.int64], ids: Sequence[str]
) -> NDArray[np.int64] | None:
    """Return the order by falling score, then by item id, then by row: (r,), as are all arrays.

    None if the rows are already in that order and without ties, as those of one segment usually
    are. Ties are not broken by item number, because it differs between processes, and the pages of
    an answer may come from several processes.
    """
    if (score[1:] < score[:-1]).all():
        return None
    order = np.lexsort((row, np.negative(score)))
    ranked = score[order]
    if not (ranked[1:] == ranked[:-1]).any():
        return order
    names = [ids[number] for number in item.tolist()]
    keys = list(zip((-score).tolist(), names, row.tolist(), strict=True))
    return np.array(sorted(range(len(keys)), key=keys.__getitem__), dtype=np.int64)


def group_scores(best: BestRows, groups: NDArray[np.int64], limit: int) -> list[float]:
    """Return the best score of each of the first ``limit`` groups, best first."""
    scores: dict[int, float] = {}
    for group, score in zip(groups[best.item].tolist(), best.score.tolist(), strict=True):
        scores.setdefault(group, score)
        if len(scores) == limit:
            break
    return list(scores.values())
