"""Diversity: a list of good items that are not all alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from indexer.arrays import Vectors


def diversify(
    scores: NDArray[np.float32],
    vectors: Vectors,
    groups: NDArray[np.int64],
    limit: int,
    likeness_cost: float,
) -> NDArray[np.int64]:
    """Choose up to ``limit`` places by maximal marginal relevance, at most one of each group.

    Scores, vectors and groups are (n,), (n, dim) and (n,). Each step takes the place with the
    largest ``score - likeness_cost * (largest cosine to those taken)`` (Carbonell and Goldstein,
    1998, in its additive form); the lower place wins a tie. Returns (m,), in the order of choice.
    """
    value = scores.astype(np.float64)
    nearest = np.full(len(scores), -1.0)
    chosen: list[int] = []
    open_places = np.ones(len(scores), dtype=np.bool_)
    while len(chosen) < limit and open_places.any():
        penalty = likeness_cost * np.maximum(nearest, 0.0) if chosen else 0.0
        place = int(np.argmax(np.where(open_places, value - penalty, -np.inf)))
        chosen.append(place)
        open_places &= groups != groups[place]
        nearest = np.maximum(nearest, vectors @ vectors[place])
    return np.array(chosen, dtype=np.int64)
