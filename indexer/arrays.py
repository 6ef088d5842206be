"""Array types that all packages share, and the functions that make and normalize vectors."""

from __future__ import annotations

import math
import os
import tempfile
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from indexer.errors import StoreFull

if TYPE_CHECKING:
    from pathlib import Path

Pixels: TypeAlias = NDArray[np.uint8]  # (h, w, 3), sRGB
Vectors: TypeAlias = NDArray[np.float32]  # (n, dim), unit rows unless documented otherwise
Embedding: TypeAlias = NDArray[np.float32]  # (dim,)
Rows: TypeAlias = NDArray[np.int64]  # row numbers, padded with -1
Positions: TypeAlias = NDArray[np.int64]  # places in an index, padded with -1
Scores: TypeAlias = NDArray[np.float32]  # larger is better, padded with -inf
Mask: TypeAlias = NDArray[np.bool_]  # (n,) or (h, w), True for the selected entries

_SHORTEST, _LONGEST = 1e-12, 1e15  # lengths whose squares neither underflow nor overflow in fp32
_MOST_IN_MEMORY = 2_000_000_000  # bytes


def empty_vectors(count: int, dim: int, scratch: Path) -> Vectors:
    """Return an array (count, dim) to be filled: in memory, or else in a file without a name.

    Arrays of over 2 GB are mapped from such a file in the folder ``scratch``, so that they need no
    memory beside the pages in use. The file is gone when the array is. A folder that cannot be
    written to gets none. Raises StoreFull if the disk has no room for it.
    """
    size = count * dim * np.dtype(np.float32).itemsize
    can_map = hasattr(os, "posix_fallocate") and os.access(scratch, os.W_OK)
    if size <= _MOST_IN_MEMORY or not can_map:
        return np.empty((count, dim), dtype=np.float32)
    try:
        with tempfile.TemporaryFile(dir=scratch) as file:
            os.posix_fallocate(file.fileno(), 0, size)  # or writing to it may end the process
            mapped = np.memmap(file, dtype=np.float32, mode="r+", shape=(count, dim))
    except OSError as error:
        raise StoreFull(
            f"{scratch} has no room for {count} vectors of {dim} numbers, {size / 1e9:.1f} GB: "
            f"{error.strerror or error}"
        ) from error
    return mapped.view(np.ndarray)


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


def places_of_largest(values: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """Return the places of the ``count`` largest values (n,), ascending; more if some are equal.

    All places if there are fewer. Partitioning all values takes eight times as long.
    """
    block = len(values) // (8 * max(1, count))
    places = np.arange(len(values)) if block < 2 else _above_blocks(values, count, block)
    if len(places) <= count:
        return places
    found = values[places]
    largest: NDArray[np.int64] = places[found >= np.partition(found, -count)[-count]]
    return largest


def _above_blocks(values: NDArray[np.float32], count: int, block: int) -> NDArray[np.int64]:
    """Return places that include those of the ``count`` largest values, ascending.

    That many blocks have a value of at least the bound, so the ``count`` largest do too.
    """
    tops = values[: len(values) // block * block].reshape(-1, block).max(axis=1)
    return np.flatnonzero(values >= np.partition(tops, -count)[-count])
