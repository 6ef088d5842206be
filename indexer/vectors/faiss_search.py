"""Search a FAISS index with Vitrine's conventions for padding, errors and threads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from indexer.errors import IndexMismatch
from indexer.vectors.recipes import all_cores, faiss_module

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from indexer.arrays import Scores, Vectors

_LARGE_BATCH = 16  # queries; a batch of this size or more may use all cores


def faiss_search(
    index: Any, queries: Vectors, k: int, params: Any | None
) -> tuple[NDArray[np.int64], Scores]:
    """Find the k best positions of each query (q, dim): positions and scores, (q, k) each.

    Best first. If there are fewer, the result is padded with position -1 and score -inf. Raises
    IndexMismatch for another dim.
    """
    if queries.ndim != 2 or queries.shape[1] != index.d:
        raise IndexMismatch(
            f"a query of shape {queries.shape} does not fit an index of dimension {index.d}"
        )
    faiss = faiss_module()
    # OpenMP stores this number per calling thread. Many threads search at the same time, each on
    # its own core; only a large batch may use all cores.
    faiss.omp_set_num_threads(all_cores() if len(queries) >= _LARGE_BATCH else 1)
    k_found = max(1, min(k, index.ntotal))
    scores, positions = index.search(
        np.ascontiguousarray(queries, dtype=np.float32), k_found, params=params
    )  # both (q, k_found); FAISS pads with position -1 and a very low score
    scores[positions < 0] = -np.inf
    if k_found < k:
        tail = ((0, 0), (0, k - k_found))
        positions = np.pad(positions, tail, constant_values=-1)
        scores = np.pad(scores, tail, constant_values=-np.inf)
    return positions[:, :k], scores[:, :k]
