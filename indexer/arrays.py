"""The arrays that travel between the floors, and the one place that normalizes them."""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Pixels: TypeAlias = NDArray[np.uint8]  # (h, w, 3), sRGB
Vectors: TypeAlias = NDArray[np.float32]  # (n, dim), unit rows unless said otherwise
Embedding: TypeAlias = NDArray[np.float32]  # (dim,)
Rows: TypeAlias = NDArray[np.int64]  # row numbers, -1 where there is none
Scores: TypeAlias = NDArray[np.float32]  # larger is better, -inf where there is none


def unit(vectors: NDArray[np.floating]) -> Vectors:
    """Scale every row to Euclidean length 1, in a new array.

    Takes (n, dim) or (dim,) and returns the same shape. A row of zeros stays zero: its
    cosine with anything is then 0, and no NaN reaches an index.
    """
    values = np.asarray(vectors, dtype=np.float32)
    if values.ndim == 1:  # for every query: numpy's own way through axes costs ten times as much
        square = float(values @ values)
        return values / np.float32(math.sqrt(square)) if square > 0 else values.copy()
    length = np.linalg.norm(values, axis=-1, keepdims=True)  # (n, 1)
    return np.asarray(values / np.where(length > 0, length, 1), dtype=np.float32)
