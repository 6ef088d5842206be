"""The last look at an index before it serves: is it what it should be?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from indexer.errors import IndexCorrupt

if TYPE_CHECKING:
    from indexer.arrays import Rows, Vectors
    from indexer.vectors import VectorIndex

_SAMPLE = 256
_TOLERANCE = 1e-3


def check_index(index: VectorIndex, vectors: Vectors, rows: Rows, *, seed: int = 0) -> None:
    """Compare an index, as it was read back from disk, with what was put into it.

    ``vectors`` (n, dim) and ``rows`` (n,) are what it was built from. Every vector must be
    finite and of unit length, the counts must agree, and each of a sample of rows must find
    a row as good as itself first. IndexCorrupt says what does not hold.
    """
    if len(index) != len(rows):
        raise IndexCorrupt(f"canary: the index holds {len(index)} rows, expected {len(rows)}")
    if not np.isfinite(vectors).all():
        raise IndexCorrupt("canary: the encoder gave vectors that are not finite")
    lengths = np.linalg.norm(vectors, axis=1)  # (n,)
    bad = int((np.abs(lengths - 1) > _TOLERANCE).sum())
    if bad:
        raise IndexCorrupt(f"canary: {bad} of {len(rows)} vectors are not of unit length")
    if len(rows) == 0:
        return
    sample = np.random.default_rng(seed).permutation(len(rows))[:_SAMPLE]
    found, scores = index.search(vectors[sample], 1)  # both (s, 1)
    # Another image may be the same to the encoder; it must then score as high.
    lost = (found[:, 0] != rows[sample]) & (scores[:, 0] < 1 - _TOLERANCE)
    if lost.any():
        raise IndexCorrupt(
            f"canary: {int(lost.sum())} of {len(sample)} sampled rows do not find themselves"
        )
