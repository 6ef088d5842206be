"""The exact vectors of an index on a server, in a mapped file of the generation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from indexer.errors import IndexCorrupt, IndexMismatch, StoreFull

if TYPE_CHECKING:
    from pathlib import Path

    from indexer.arrays import Positions, Rows, Scores, Vectors
    from indexer.vectors.position_mask import PositionMask

VECTORS, ROWS = "vectors.npy", "rows.npy"
_BLOCK_BYTES = 32 << 20  # of vectors compared at a time


class LocalVectors:
    """Unit vectors (n, dim) with their row numbers (n,), compared one by one.

    Scores come from these numbers, never from a server, so they are the same behind any engine.
    Opened vectors are mapped: they take memory only where they were read.
    """

    def __init__(self, vectors: Vectors, rows: Rows) -> None:
        if vectors.ndim != 2 or rows.shape != (len(vectors),):
            raise IndexCorrupt(
                f"the index holds vectors of shape {vectors.shape}, its row table has shape "
                f"{rows.shape}"
            )
        self.vectors = vectors
        self.rows = rows
        self.dim = vectors.shape[1]

    @classmethod
    def copy_of(cls, vectors: Vectors, rows: Rows) -> LocalVectors:
        """Copy vectors (n, dim) and row numbers (n,)."""
        return cls(np.array(vectors, dtype=np.float32), np.array(rows, dtype=np.int64))

    @classmethod
    def open(cls, folder: Path) -> LocalVectors:
        """Map the files of a folder. Raises IndexCorrupt if they cannot be read."""
        try:
            mapped = np.load(folder / VECTORS, mmap_mode="r", allow_pickle=False)
            rows = np.load(folder / ROWS, allow_pickle=False)
        except (ValueError, EOFError, OSError) as error:
            raise IndexCorrupt(f"{folder} cannot be read: {error}") from error
        return cls(mapped, rows)

    def save(self, folder: Path) -> None:
        """Write both files. Raises StoreFull if that fails."""
        try:
            np.save(folder / VECTORS, self.vectors, allow_pickle=False)
            np.save(folder / ROWS, self.rows, allow_pickle=False)
        except OSError as error:
            raise StoreFull(f"cannot write {folder}: {error}") from error

    def __len__(self) -> int:
        return len(self.rows)

    def at(self, positions: Positions) -> Vectors:
        """Return the vectors at these positions: (p,) to (p, dim)."""
        return np.asarray(self.vectors[positions], dtype=np.float32)

    def check_queries(self, queries: Vectors) -> None:
        """Raise IndexMismatch unless queries are (q, dim)."""
        if queries.ndim != 2 or queries.shape[1] != self.dim:
            raise IndexMismatch(
                f"a query of shape {queries.shape} does not fit an index of dimension {self.dim}"
            )

    def exact(
        self, queries: Vectors, k: int, allowed: PositionMask | None = None
    ) -> tuple[Positions, Scores]:
        """Compare every allowed vector with each query (q, dim); see ``VectorBackend.exact``."""
        self.check_queries(queries)
        candidates = np.arange(len(self)) if allowed is None else allowed.positions  # (c,)
        step = max(1, _BLOCK_BYTES // (4 * self.dim))
        best = _nothing(len(queries), k)
        for start in range(0, len(candidates), step):
            chosen = candidates[start : start + step]  # (b,)
            block = self.vectors[start : start + step] if allowed is None else self.at(chosen)
            scores = queries @ block.T  # (q, dim) @ (dim, b) -> (q, b)
            order = _largest(scores, k)  # (q, up to k), unordered
            best = _merge(best, (chosen[order], np.take_along_axis(scores, order, axis=1)), k)
        return best

    def rank(self, queries: Vectors, found: Positions, k: int) -> tuple[Positions, Scores]:
        """Score found positions (q, f) from the exact vectors, and return the k best: (q, k) each.

        Position -1 is no result; it comes last, with score -inf.
        """
        vectors = self.at(np.maximum(found, 0).ravel()).reshape(*found.shape, self.dim)
        scores = np.einsum("qfd,qd->qf", vectors, queries).astype(np.float32)  # (q, f)
        scores[found < 0] = -np.inf
        return _merge((found, scores), _nothing(len(queries), k), k)


def _largest(scores: Scores, k: int) -> Positions:
    """Return the places of the k largest scores of each row: (q, b) to (q, min(k, b))."""
    if k >= scores.shape[1]:
        return np.broadcast_to(np.arange(scores.shape[1]), scores.shape)
    return np.argpartition(scores, scores.shape[1] - k, axis=1)[:, scores.shape[1] - k :]


def _nothing(queries: int, k: int) -> tuple[Positions, Scores]:
    return np.full((queries, k), -1, np.int64), np.full((queries, k), -np.inf, np.float32)


def _merge(
    first: tuple[Positions, Scores], second: tuple[Positions, Scores], k: int
) -> tuple[Positions, Scores]:
    """Return the k best of two results (q, a) and (q, b), best first: (q, k) each."""
    positions = np.concatenate([first[0], second[0]], axis=1)
    scores = np.concatenate([first[1], second[1]], axis=1)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(positions, order, 1), np.take_along_axis(scores, order, 1)
