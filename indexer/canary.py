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
_LENGTH_TOLERANCE = 1e-2  # of what an encoder gives, perhaps in half precision


def check_vectors(vectors: Vectors, shape: tuple[int, int], encoder_id: str) -> None:
    """IndexCorrupt unless an encoder gave what encoders promise: ``shape``, finite, unit rows."""
    if vectors.shape != shape:
        raise IndexCorrupt(
            f"canary: encoder {encoder_id!r} gave vectors of shape {vectors.shape}, "
            f"expected {shape}"
        )
    if not np.isfinite(vectors).all():
        raise IndexCorrupt(f"canary: encoder {encoder_id!r} gave vectors that are not finite")
    lengths = np.linalg.norm(vectors, axis=1)  # (n,)
    worst = float(lengths[np.argmax(np.abs(lengths - 1))]) if len(lengths) else 1.0
    if abs(worst - 1) > _LENGTH_TOLERANCE:
        raise IndexCorrupt(
            f"canary: encoder {encoder_id!r} gave a vector of length {worst:.3g}, expected 1"
        )


def check_index(index: VectorIndex, vectors: Vectors, rows: Rows, *, seed: int = 0) -> None:
    """Compare an index, as it was read back from disk, with what was put into it.

    ``vectors`` (n, dim) and ``rows`` (n,), rising, are what it was built from. Every vector must be
    finite and of unit length, the counts must agree, and each of a sample of rows must find
    a row as good as itself first. IndexCorrupt says what does not hold.
    """
    if len(index) != len(rows):
        raise IndexCorrupt(f"canary: the index holds {len(index)} rows, expected {len(rows)}")
    if not np.isfinite(vectors).all():
        raise IndexCorrupt("canary: the index was built from vectors that are not finite")
    lengths = np.linalg.norm(vectors, axis=1)  # (n,)
    bad = int((np.abs(lengths - 1) > _TOLERANCE).sum())
    if bad:
        raise IndexCorrupt(f"canary: {bad} of {len(rows)} vectors are not of unit length")
    if len(rows) == 0:
        return
    sample = np.random.default_rng(seed).permutation(len(rows))[:_SAMPLE]
    found, scores = index.search(vectors[sample], 1)  # both (s, 1)
    # Another image may be the same to the encoder; the row found must then be that image's.
    place = np.minimum(np.searchsorted(rows, found[:, 0]), len(rows) - 1)  # (s,)
    alike = np.einsum("sd,sd->s", vectors[place], vectors[sample])  # (s,)
    least = 1 - _TOLERANCE
    lost = (rows[place] != found[:, 0]) | (alike < least) | (scores[:, 0] < least)  # (s,)
    if lost.any():
        raise IndexCorrupt(
            f"canary: {int(lost.sum())} of {len(sample)} sampled rows do not find themselves"
        )
