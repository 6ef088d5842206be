"""A backend that compares every vector with numpy.

It has no shortcuts, so its results are the reference for other backends. Tests use it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from indexer.errors import IndexCorrupt, IndexMismatch, StoreFull
from indexer.vectors.backend import Nearest

if TYPE_CHECKING:
    from pathlib import Path

    from indexer.arrays import Embedding, Positions, Rows, Scores, Vectors
    from indexer.vectors.contract import Contract
    from indexer.vectors.position_mask import PositionMask

_VECTORS, _ROWS = "vectors.npy", "rows.npy"


class NumpyBackend:
    """Searches unit vectors in one array by comparing all of them. See ``VectorBackend``."""

    note = "cpu: numpy"
    promise = None

    def __init__(self, vectors: Vectors, rows: Rows) -> None:
        if vectors.ndim != 2 or rows.shape != (len(vectors),):
            raise IndexCorrupt(
                f"the index holds vectors of shape {vectors.shape}, its row table has shape "
                f"{rows.shape}"
            )
        self.rows = rows
        self.dim = vectors.shape[1]
        self._vectors = vectors

    @classmethod
    def build(cls, vectors: Vectors, rows: Rows) -> NumpyBackend:
        """See ``VectorBackend.build``."""
        return cls(np.array(vectors, dtype=np.float32), np.array(rows, dtype=np.int64))

    @classmethod
    def open(
        cls, folder: Path, contract: Contract | None = None, *, serving: bool = False
    ) -> NumpyBackend:
        """See ``VectorBackend.open``. The contract is ignored: every search is exact."""
        del contract, serving
        try:
            vectors = np.load(folder / _VECTORS, allow_pickle=False)
            rows = np.load(folder / _ROWS, allow_pickle=False)
        except (ValueError, EOFError, OSError) as error:
            raise IndexCorrupt(f"{folder} cannot be read: {error}") from error
        return cls(vectors, rows)

    def save(self, folder: Path) -> None:
        """See ``VectorBackend.save``."""
        try:
            np.save(folder / _VECTORS, self._vectors, allow_pickle=False)
            np.save(folder / _ROWS, self.rows, allow_pickle=False)
        except OSError as error:
            raise StoreFull(f"cannot write {folder}: {error}") from error

    @classmethod
    def drop(cls, folder: Path) -> None:
        """See ``VectorBackend.drop``."""
        for name in (_VECTORS, _ROWS):
            (folder / name).unlink(missing_ok=True)

    @classmethod
    def announce(cls, folder: Path, shop: Path) -> None:
        """See ``VectorBackend.announce``: the index is in its folder alone."""

    def check_ready(self) -> None:
        """See ``VectorBackend.check_ready``: searches need nothing but this process."""

    def __len__(self) -> int:
        return len(self.rows)

    def nearest(
        self, query: Embedding, k: int, allowed: PositionMask | None, *, extra_levels: int = 0
    ) -> Nearest:
        """See ``VectorBackend.nearest``."""
        del extra_levels
        positions, scores = self.exact(query[None, :], k, allowed)
        return Nearest(positions[0], scores[0], "exact")

    def exact(
        self, queries: Vectors, k: int, allowed: PositionMask | None = None
    ) -> tuple[Positions, Scores]:
        """See ``VectorBackend.exact``."""
        if queries.ndim != 2 or queries.shape[1] != self.dim:
            raise IndexMismatch(
                f"a query of shape {queries.shape} does not fit an index of dimension {self.dim}"
            )
        candidates = np.arange(len(self)) if allowed is None else allowed.positions  # (c,)
        likeness = queries @ self._vectors[candidates].T  # (q, dim) @ (dim, c) -> (q, c)
        order = np.argsort(-likeness, axis=1, kind="stable")[:, :k]  # (q, up to k)
        tail = ((0, 0), (0, k - order.shape[1]))
        scores = np.take_along_axis(likeness, order, axis=1)
        return (
            np.pad(candidates[order], tail, constant_values=-1),
            np.pad(scores, tail, constant_values=-np.inf),
        )

    def approximate(self, queries: Vectors, k: int) -> tuple[Positions, Scores]:
        """See ``VectorBackend.approximate``."""
        return self.exact(queries, k)

    def vectors_at(self, positions: Positions) -> Vectors:
        """See ``VectorBackend.vectors_at``."""
        return self._vectors[positions]

    def build_delta(self, vectors: Vectors, rows: Rows) -> NumpyBackend:
        """See ``VectorBackend.build_delta``."""
        return NumpyBackend.build(vectors, rows)
