"""Measure recall: draw queries that no index contains, and count the exact results found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from indexer.arrays import unit

if TYPE_CHECKING:
    from indexer.arrays import Scores, Vectors

QUERIES = 500
TOP = 10  # recall counts the first ten results
_NEAREST, _FARTHEST = 0.1, 0.7  # shares of a difference by which a query is moved
_TIE = 2e-5  # scores that differ by less are equal: the same picture twice


def held_out_queries(vectors: Vectors, count: int = QUERIES, *, seed: int = 0) -> Vectors:
    """Draw unit queries (count, dim) that are near the catalog's vectors but not among them.

    A query is a vector plus a share of the difference between two others, which imitates other
    light, crop and background. With fewer than three vectors the direction is random.
    """
    rng = np.random.default_rng(seed)
    n, dim = vectors.shape
    start = vectors[rng.integers(0, n, count)]  # (count, dim)
    if n < 3:
        step = unit(rng.normal(size=(count, dim)))
    else:
        step = vectors[rng.integers(0, n, count)] - vectors[rng.integers(0, n, count)]
    far = rng.uniform(_NEAREST, _FARTHEST, (count, 1))  # (count, 1), times (count, dim)
    noise = rng.normal(scale=1e-3, size=(count, dim))  # for two others that are equal
    return unit(start + far * step + noise)


def recall_of(scores: Scores, best: Scores) -> Scores:
    """Return the share of the exact results that each query found: (q, k) and (q, top) to (q,).

    Compares scores, so images with equal vectors count as the same. If fewer than ``top`` rows
    exist, ``best`` is padded with -inf, which does not count.
    """
    exists = np.isfinite(best)  # (q, top)
    wanted = exists.sum(axis=1)  # (q,)
    floor = np.where(exists, best, np.inf).min(axis=1, keepdims=True)  # (q, 1)
    found = (scores[:, : best.shape[1]] >= floor - _TIE).sum(axis=1)  # (q,)
    return np.asarray(np.minimum(found, wanted) / np.maximum(1, wanted), dtype=np.float32)
