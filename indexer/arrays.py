"""Array types that all packages share, and the functions that normalize vectors."""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Pixels: TypeAlias = NDArray[np.uint8]  # (h, w, 3), sRGB
Vectors: TypeAlias = NDArray[np.float32]  # (n, dim), unit rows unless documented otherwise
Embedding: TypeAlias = NDArray[np.float32]  # (dim,)
Rows: TypeAlias = NDArray[np.int64]  # row numbers, padded with -1
Positions: TypeAlias = NDArray[np.int64]  # places in an index, padded with -1
Scores: TypeAlias = NDArray[np.float32]  # larger is better, padded with -inf
Mask: TypeAlias = NDArray[np.bool_]  # (n,) or (h, w), True for the selected entries

_SHORTEST, _LONGEST = 1e-12, 1e15  # lengths whose squares neither underflow nor overflow in fp32
_BLOCK = 8192  # rows normalized at a time


def unit_in_place(vectors: Vectors) -> Vectors:
    """Scale every row of (n, dim) to length 1, block by block, and return the same array.

    The values are those of ``unit``, without its second and third array.
    """
    for start in range(0, len(vectors), _BLOCK):
        vectors[start : start + _BLOCK] = unit(vectors[start : start + _BLOCK])
    return vectors


def unit(vectors: NDArray[np.floating]) -> Vectors:
    """Scale every row to Euclidean length 1 and return a new array of the same shape.

    Takes (n, dim) or (dim,). Also correct for lengths whose squares overflow or underflow in fp32.
    A row of zeros stays zero, so its cosine with any vector is 0 and never NaN.
    """
    values: NDArray[np.float32] = np.asarray(vectors, dtype=np.float32)
    if values.ndim == 1:  # called for every query; np.linalg.norm with an axis is ten times slower
        with np.errstate(over="ignore"):
            square = float(values @ values)
        if _SHORTEST**2 < square < _LONGEST**2:
            return values / np.float32(math.sqrt(square))
        row: Embedding = unit(values[None, :])[0]
        return row
    with np.errstate(over="ignore"):
        length = np.linalg.norm(values, axis=-1, keepdims=True)  # (n, 1)
    out_of_range = (length < _SHORTEST) | (length > _LONGEST)
    if out_of_range.any():
        largest = np.abs(values).max(axis=-1, keepdims=True)  # (n, 1)
        values = np.divide(
            values, np.where(out_of_range & (largest > 0), largest, 1), dtype=np.float32
        )
        length = np.linalg.norm(values, axis=-1, keepdims=True)
    return np.asarray(values / np.where(length > 0, length, 1), dtype=np.float32)
