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
Positions: TypeAlias = NDArray[np.int64]  # places in an index, -1 where there is none
Scores: TypeAlias = NDArray[np.float32]  # larger is better, -inf where there is none

_SHORTEST, _LONGEST = 1e-12, 1e15  # lengths whose squares fp32 adds up without losing any


def unit(vectors: NDArray[np.floating]) -> Vectors:
    """Scale every row to Euclidean length 1, in a new array, however long or short it is.

    Takes (n, dim) or (dim,) and returns the same shape. A row of zeros stays zero: its
    cosine with anything is then 0, and no NaN reaches an index.
    """
    values: NDArray[np.float32] = np.asarray(vectors, dtype=np.float32)
    if values.ndim == 1:  # for every query: numpy's own way through axes costs ten times as much
        with np.errstate(over="ignore"):
            square = float(values @ values)
        if _SHORTEST**2 < square < _LONGEST**2:
            return values / np.float32(math.sqrt(square))
        row: Embedding = unit(values[None, :])[0]
        return row
    with np.errstate(over="ignore"):
        length = np.linalg.norm(values, axis=-1, keepdims=True)  # (n, 1)
    odd = (length < _SHORTEST) | (length > _LONGEST)
    if odd.any():
        largest = np.abs(values).max(axis=-1, keepdims=True)  # (n, 1)
        values = np.divide(values, np.where(odd & (largest > 0), largest, 1), dtype=np.float32)
        length = np.linalg.norm(values, axis=-1, keepdims=True)
    return np.asarray(values / np.where(length > 0, length, 1), dtype=np.float32)
