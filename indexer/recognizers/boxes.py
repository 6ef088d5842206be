"""Choose among overlapping boxes: (n, 4) arrays of x0, y0, x1, y1."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from indexer.arrays import Scores

    Boxes = NDArray[np.float32]

_INSIDE = 0.85  # a box with this share inside another one is a part of it
_PART_SCORE = 0.3  # a part with at least this share of the score of the whole is kept
_VOTES = 0.6  # overlap of boxes that are averaged

MOST_CONSIDERED = 300
"""Boxes that are compared with each other, at most."""


def areas(boxes: Boxes) -> NDArray[np.float32]:
    """Return the areas (n,); 0 for boxes with x1 < x0 or y1 < y0."""
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 0)
    return np.asarray(sides[:, 0] * sides[:, 1], dtype=np.float32)


def intersections(first: Boxes, second: Boxes) -> NDArray[np.float32]:
    """Return the shared areas (n, m) of boxes (n, 4) and (m, 4)."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])  # (n, m, 2)
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    return np.asarray(np.maximum(high - low, 0).prod(axis=2), dtype=np.float32)


def overlaps(first: Boxes, second: Boxes) -> NDArray[np.float32]:
    """Return the intersections over unions (n, m) of boxes (n, 4) and (m, 4)."""
    shared = intersections(first, second)
    union = areas(first)[:, None] + areas(second)[None] - shared
    return np.asarray(shared / np.maximum(union, 1e-12), dtype=np.float32)


def best_of_each(boxes: Boxes, scores: Scores, overlap: float) -> NDArray[np.int64]:
    """Return the numbers of the boxes to keep, best first.

    Of boxes that overlap by at least ``overlap`` (intersection over union) only the best is kept.
    A box inside a much better one is a part of that thing, and is left out too.
    """
    order = np.argsort(-scores, kind="stable")[:MOST_CONSIDERED]
    boxes, scores = boxes[order], scores[order]
    shared = intersections(boxes, boxes)
    own = np.maximum(areas(boxes), 1e-12)
    same = shared / (own[:, None] + own[None] - shared) >= overlap
    # part[i, j]: j is a part of i
    part = (shared / own[None] >= _INSIDE) & (scores[None] < _PART_SCORE * scores[:, None])
    rival = same | part
    kept = np.ones(len(order), dtype=np.bool_)
    for place in range(len(order)):
        if kept[place]:
            kept[place + 1 :] &= ~rival[place, place + 1 :]
    return np.asarray(order[kept], dtype=np.int64)


def averaged(kept: Boxes, boxes: Boxes, scores: Scores) -> Boxes:
    """Return the boxes to keep (k, 4), each averaged with those of ``boxes`` (n, 4) that overlap.

    They weigh by the squares of their scores (n,): many positions see a thing, and the mean of
    their boxes fits better than the best one (Gidaris and Komodakis 2015).
    """
    best = np.argsort(-scores, kind="stable")[:MOST_CONSIDERED]
    boxes, scores = boxes[best], scores[best]
    weights = np.where(overlaps(kept, boxes) >= _VOTES, scores**2, 0)  # (k, n)
    total = weights.sum(axis=1, keepdims=True)
    mean = weights @ boxes / np.maximum(total, 1e-12)
    return np.asarray(np.where(total > 0, mean, kept), dtype=np.float32)
