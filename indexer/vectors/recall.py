"""Recall: queries that no index holds, and the share of the exact answers that a search found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from indexer.arrays import unit

if TYPE_CHECKING:
    from indexer.arrays import Scores, Vectors

QUERIES = 500
TOP = 10  # the promise is about the first ten
_NEAREST, _FARTHEST = 0.1, 0.7  # how far a query lies from its item, in lengths of a difference
_TIE = 2e-5  # scores that differ by less are equally good: the same picture twice


def held_out(vectors: Vectors, count: int = QUERIES, *, seed: int = 0) -> Vectors:
    """Draw queries (count, dim) near the catalog's vectors, none of them in it.

    A query is a vector moved by a share of the difference between two others, as an embedding
    moves with light, crop and background. With fewer than three vectors it is moved at random.
    """
    rng = np.random.default_rng(seed)
    n, dim = vectors.shape
    start = vectors[rng.integers(0, n, count)]  # (count, dim)
    if n < 3:
        step = unit(rng.normal(size=(count, dim)))
    else:
        step = vectors[rng.integers(0, n, count)] - vectors[rng.integers(0, n, count)]
    far = rng.uniform(_NEAREST, _FARTHEST, (count, 1))  # (count, 1), times (count, dim)
    noise = rng.normal(scale=1e-3, size=(count, dim))  # where both others are the same
    return unit(start + far * step + noise)


def recall_of(scores: Scores, best: Scores) -> Scores:
    """Return the share of the exact answers that each query found: (q, k) and (q, top) to (q,).

    Judged by scores, so pictures that are the same to the encoder count as one another. If fewer
    than ``top`` rows exist, ``best`` ends in -inf, which does not count.
    """
    there = np.isfinite(best)  # (q, top)
    wanted = there.sum(axis=1)  # (q,)
    floor = np.where(there, best, np.inf).min(axis=1, keepdims=True)  # (q, 1)
    found = (scores[:, : best.shape[1]] >= floor - _TIE).sum(axis=1)  # (q,)
    return np.asarray(np.minimum(found, wanted) / np.maximum(1, wanted), dtype=np.float32)
