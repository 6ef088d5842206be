"""Near copies among the hits: the same picture sold twice, or all but the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from indexer.arrays import Vectors


def copies_of(vectors: Vectors, at: float) -> dict[int, list[int]]:
    """Which of (n, dim) ranked unit vectors stay, each with those folded into it.

    In their order, one stays unless its cosine to one that stays is at least ``at``; it is then
    folded into the first such. A row of zeros (no vector) is like nothing and stays.
    """
    likeness = vectors @ vectors.T  # (n, n)
    kept: dict[int, list[int]] = {}
    for number in range(len(vectors)):
        before = np.fromiter(kept, dtype=np.int64, count=len(kept))
        like = before[likeness[number, before] >= at]
        if len(like):
            kept[int(like[0])].append(number)
        else:
            kept[number] = []
    return kept
