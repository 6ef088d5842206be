"""Near copies among the hits: the same picture sold twice, or all but the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from indexer.arrays import Vectors


_BLOCK = 256  # rows compared at a time with all that stay: n x n numbers may not fit
_ROUNDING = 1e-5  # what the cosine of a picture with itself may lack to 1


def copies_of(vectors: Vectors, at: float) -> dict[int, list[int]]:
    """Which of (n, dim) ranked unit vectors stay, each with those folded into it.

    In their order, one stays unless its cosine to one that stays is at least ``at``; it is then
    folded into the first such. A row of zeros (no vector) is like nothing and stays.
    """
    kept: dict[int, list[int]] = {}
    heads = np.empty((0, vectors.shape[1]), dtype=np.float32)  # (kept, dim)
    for start in range(0, len(vectors), _BLOCK):
        block = vectors[start : start + _BLOCK]  # (b, dim)
        numbers = np.arange(start, start + len(block))
        before = np.fromiter(kept, dtype=np.int64, count=len(kept))
        like = np.hstack([block @ heads.T, block @ block.T]) >= at - _ROUNDING  # (b, kept + b)
        candidates = np.concatenate([before, numbers])
        stays = np.concatenate([np.ones(len(before), np.bool_), np.zeros(len(block), np.bool_)])
        for place, number in enumerate(numbers.tolist()):
            first = np.flatnonzero(like[place] & stays)[:1]
            if len(first):
                kept[int(candidates[first[0]])].append(number)
            else:
                kept[number] = []
                stays[len(before) + place] = True
        heads = np.concatenate([heads, block[stays[len(before) :]]])
    return kept
