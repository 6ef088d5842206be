"""The FAISS index of one generation: nearest rows by inner product, best first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from indexer.errors import IndexCorrupt, IndexMismatch, StoreFull, VitrineError

if TYPE_CHECKING:
    from pathlib import Path

    from indexer.arrays import Rows, Scores, Vectors

_MAX_BYTES = 1 << 40  # of one vector inside an index file: more is a damaged file


class VectorIndex:
    """Exact search over unit vectors. Thread-safe: nothing is set on it during a search.

    ``rows`` (n,) gives the row number of each vector, in the order they were added.
    """

    recipe = "Flat"

    def __init__(self, index: Any, rows: Rows) -> None:
        if index.ntotal != len(rows):
            raise IndexCorrupt(
                f"the index holds {index.ntotal} vectors, its row table {len(rows)} rows"
            )
        self._index = index
        self.rows = rows
        self._order = np.argsort(rows, kind="stable")
        self.dim = int(index.d)

    @classmethod
    def build(cls, vectors: Vectors, rows: Rows) -> VectorIndex:
        """Index (n, dim) unit vectors under their row numbers (n,); n may be 0."""
        index = _faiss().IndexFlatIP(vectors.shape[1])
        index.add(np.ascontiguousarray(vectors, dtype=np.float32))
        return cls(index, np.asarray(rows, dtype=np.int64))

    @classmethod
    def load(cls, vectors: Path, rows: Path) -> VectorIndex:
        """Read an index and its row table.

        The caller has verified both files' checksums: reading an index of unknown origin
        would be reading a program. IndexCorrupt when FAISS cannot make sense of it.
        """
        faiss = _faiss()
        faiss.set_deserialization_vector_byte_limit(_MAX_BYTES)
        try:
            index = faiss.read_index(str(vectors))
            table = np.load(rows, allow_pickle=False)
        except (RuntimeError, ValueError, EOFError, OSError) as error:
            reason = " ".join(str(error).split())[:200]
            raise IndexCorrupt(f"{vectors.parent} cannot be read: {reason}") from error
        return cls(index, table)

    def save(self, vectors: Path, rows: Path) -> None:
        """Write both files. StoreFull when FAISS cannot."""
        try:
            _faiss().write_index(self._index, str(vectors))
        except RuntimeError as error:
            reason = " ".join(str(error).split()).rpartition("failed: ")[2]
            raise StoreFull(f"cannot write {vectors}: {reason[:200]}; is the disk full?") from error
        np.save(rows, self.rows, allow_pickle=False)

    def __len__(self) -> int:
        return len(self.rows)

    def positions(self, rows: Rows) -> NDArray[np.int64]:
        """Where these rows stand in ``self.rows``: (r,) to (r,); rows it lacks give any place."""
        place = np.searchsorted(self.rows, rows, sorter=self._order)
        return np.asarray(self._order[np.minimum(place, len(self.rows) - 1)], dtype=np.int64)

    def search(
        self, queries: Vectors, k: int, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[Rows, Scores]:
        """Find the nearest rows of each query, best first.

        Queries are (q, dim); ``allowed`` (n,) says which positions may be found, None means
        all. Both results are (q, k): row numbers and scores. Where fewer than k rows exist
        the tail is row -1, score -inf. Another dim: IndexMismatch.
        """
        if queries.ndim != 2 or queries.shape[1] != self.dim:
            raise IndexMismatch(
                f"a query of shape {queries.shape} does not fit an index of dimension {self.dim}"
            )
        faiss = _faiss()
        params = None
        if allowed is not None:
            bitmap = np.packbits(allowed, bitorder="little")
            selector = faiss.IDSelectorBitmap(len(allowed), faiss.swig_ptr(bitmap))
            params = faiss.SearchParameters(sel=selector)
        k_found = max(1, min(k, len(self)))
        scores, positions = self._index.search(
            np.ascontiguousarray(queries, dtype=np.float32), k_found, params=params
        )  # both (q, k_found); FAISS pads with position -1
        rows = np.full((len(queries), k), -1, dtype=np.int64)
        best = np.full((len(queries), k), -np.inf, dtype=np.float32)
        if len(self):
            found = positions >= 0
            rows[:, :k_found] = np.where(found, self.rows[positions], -1)
            best[:, :k_found] = np.where(found, scores, -np.inf)
        return rows, best


def _faiss() -> Any:
    try:
        import faiss
    except ImportError:
        raise VitrineError(
            "FAISS is not installed; pip install 'vitrine[cpu]' (or 'vitrine[gpu]')"
        ) from None
    return faiss
