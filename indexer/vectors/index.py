"""A FAISS index: find the nearest rows by inner product, best first."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from indexer.errors import IndexCorrupt, StoreFull, one_line
from indexer.vectors.backend import rows_at
from indexer.vectors.contract import FLAT, Contract, Effort
from indexer.vectors.faiss_search import faiss_search
from indexer.vectors.gpu.devices import Placement
from indexer.vectors.huge_pages import move_graph
from indexer.vectors.position_mask import PositionMask
from indexer.vectors.recipe import Recipe
from indexer.vectors.recipes import (
    build_index,
    check_structure,
    exact_store,
    faiss_module,
    search_parameters,
)

if TYPE_CHECKING:
    from pathlib import Path

    from indexer.arrays import Positions, Rows, Scores, Vectors
    from indexer.vectors.gpu.devicecopy import DeviceCopy

EXACT = "exact.faiss"  # beside the index, if the index itself holds no exact vectors
_EXACT_LAYOUT = Recipe("Flat", 0, "fp16")
_SLACK_BYTES = 1 << 20  # allowed beyond the file size, for the length of a vector inside the file
# Allowed rows are copied out and compared if they take at most this many bytes per row of the
# index. If they take more, it is faster to look up for every row whether it is allowed. Measured.
_COPY_BYTES = 32
_BLOCK_BYTES = 1 << 20  # copied at a time; fits in the cache of a core

_load_lock = threading.Lock()  # FAISS's limits are global to the process


class VectorIndex:
    """Searches unit vectors with FAISS. Thread-safe: a search changes nothing on it.

    ``rows`` (n,) gives the row number of each position. ``contract`` holds the recipe and the
    efforts of searches. Exact search is possible with any recipe: see ``exact``.
    """

    def __init__(
        self, index: Any, rows: Rows, *, exact: Any | None = None, contract: Contract | None = None
    ) -> None:
        """Wrap a FAISS index. ``exact`` holds the exact vectors if ``index`` itself does not."""
        if index.ntotal != len(rows):
            raise IndexCorrupt(
                f"the index holds {index.ntotal} vectors, its row table {len(rows)} rows"
            )
        if exact is not None and (exact.ntotal, exact.d) != (index.ntotal, index.d):
            raise IndexCorrupt(
                f"the index holds {index.ntotal} vectors of {index.d} numbers, the file of exact "
                f"vectors {exact.ntotal} of {exact.d}"
            )
        self.contract = contract or Contract()
        self.recipe = self.contract.recipe
        self.layout = Recipe.parse(self.recipe)
        self.rows = rows
        self.dim = int(index.d)
        self._base = index
        self._exact_beside = exact
        self._index = index if exact is None else faiss_module().IndexRefine(index, exact)
        self._exact = exact_store(index) if exact is None else exact
        codes = faiss_module().rev_swig_ptr(self._exact.codes.data(), self._exact.codes.size())
        self._width = int(self._exact.code_size)  # bytes of a vector
        # (n, bytes), not copied. If there are no bytes, FAISS returns an array of another type.
        self._codes = codes.astype(np.uint8, copy=False).reshape(len(rows), self._width)
        self.device: DeviceCopy | None = None  # see ``with_device``
        self.placement = Placement()

    @classmethod
    def build(cls, vectors: Vectors, rows: Rows, recipe: str = FLAT) -> VectorIndex:
        """Build an index of (n, dim) unit vectors with row numbers (n,); n may be 0.

        A graph changes the order of its vectors (see ``rows``), all other recipes keep it. There
        is no measured contract yet: ``indexer.vectors.tuning`` measures the index and adds one.
        """
        built = build_index(recipe, vectors)
        numbers = np.asarray(rows, dtype=np.int64)
        if built.order is not None:
            numbers = numbers[built.order]
        return cls(built.index, numbers, exact=built.exact, contract=Contract(recipe=recipe))

    @classmethod
    def load(cls, vectors: Path, rows: Path, contract: Contract | None = None) -> VectorIndex:
        """Read an index and its row table; ``contract`` is the one it was written with.

        The caller must have verified the files' checksums: FAISS is not safe with files of unknown
        origin. Raises IndexCorrupt if a file cannot be read, or holds another kind of index.
        """
        contract = contract or Contract()
        try:
            layout = Recipe.parse(contract.recipe)
            index, exact = _read(vectors, layout), None
            if not layout.holds_exact:
                exact = _read(vectors.with_name(EXACT), _EXACT_LAYOUT, mapped=True)
            table = np.load(rows, allow_pickle=False)
            if table.dtype != np.int64 or table.ndim != 1:
                raise ValueError(
                    f"{rows.name} should be int64 (n,), it is {table.dtype} {table.shape}"
                )
        # MemoryError: the header of an array may claim any size.
        except (RuntimeError, ValueError, EOFError, OSError, MemoryError) as error:
            raise IndexCorrupt(f"{vectors.parent} cannot be read: {one_line(error)}") from error
        return cls(index, table, exact=exact, contract=contract)

    def save(self, vectors: Path, rows: Path) -> None:
        """Write all files, and ``exact.faiss`` if needed. Raises StoreFull if that fails."""
        indexes = {vectors: self._base}
        if self._exact_beside is not None:
            indexes[vectors.with_name(EXACT)] = self._exact_beside
        for path, index in indexes.items():
            try:
                faiss_module().write_index(index, str(path))
            except RuntimeError as error:
                reason = " ".join(str(error).split()).rpartition("failed: ")[2]
                raise StoreFull(
                    f"cannot write {path}: {reason[:200]}; is the disk full?"
                ) from error
        np.save(rows, self.rows, allow_pickle=False)

    def move_to_huge_pages(self) -> None:
        """Make searches of a graph faster, in about 1 s per GB; do nothing with other recipes."""
        if self.layout.kind == "HNSW" and len(self):
            move_graph(self._base)

    def with_contract(self, contract: Contract) -> VectorIndex:
        """Return this index with another contract of the same recipe; vectors are shared."""
        return VectorIndex(self._base, self.rows, exact=self._exact_beside, contract=contract)

    def with_rows(self, rows: Rows) -> VectorIndex:
        """Return this index with other row numbers (n,), in its order; vectors are shared."""
        return VectorIndex(self._base, rows, exact=self._exact_beside, contract=self.contract)

    def with_device(self, copy: DeviceCopy | None, placement: Placement) -> VectorIndex:
        """Return this index with a copy of its vectors on GPUs, or with None if there is no copy.

        If the copy is exact, exact searches without a filter run there.
        """
        moved = self.with_rows(self.rows)
        moved.device, moved.placement = copy, placement
        return moved

    @property
    def exact_index(self) -> Any:
        """FAISS's index of the exact vectors; do not change it."""
        return self._exact

    def __len__(self) -> int:
        return len(self.rows)

    def search(
        self, queries: Vectors, k: int, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[Rows, Scores]:
        """Find the nearest rows of each query by comparing every allowed one, best first.

        Queries are (q, dim); the mask ``allowed`` (n,) selects positions, None allows all. Both
        results are (q, k): row numbers and scores, padded with row -1 and score -inf if there are
        fewer. Raises IndexMismatch for another dim.
        """
        mask = None if allowed is None else PositionMask(allowed)
        positions, scores = self.exact(queries, k, mask)
        return rows_at(self.rows, positions), scores

    def exact(
        self, queries: Vectors, k: int, allowed: PositionMask | None = None
    ) -> tuple[Positions, Scores]:
        """Search like ``search``, but return positions instead of rows.

        Scores are computed from the vectors as stored: fp32, or fp16 as in the store.
        """
        if allowed is None and self.device is not None and self.device.exact:
            found = self.device.search(queries, k)
            if found is not None:
                return found
        if allowed is None or not len(self):
            return faiss_search(self._exact, queries, k, None)
        if self.copies_rows(allowed.count):
            return self._among(allowed.positions, queries, k)
        params = faiss_module().SearchParameters(sel=allowed.selector)
        return faiss_search(self._exact, queries, k, params)

    def copies_rows(self, count: int) -> bool:
        """Return True if an exact search copies this many allowed rows, and skips all others."""
        return count * self._width <= _COPY_BYTES * len(self)

    def search_with_effort(
        self, queries: Vectors, k: int, effort: Effort
    ) -> tuple[Positions, Scores]:
        """Search like ``exact``, but approximately, with this effort.

        Results are also padded if the effort was too small to find k.
        """
        params = search_parameters(self.layout, effort, k)
        return faiss_search(self._index, queries, k, params)

    def vectors_at(self, positions: Positions) -> Vectors:
        """Return the vectors at these positions, as stored: (p,) to (p, dim)."""
        found: Vectors = self._exact.sa_decode(self._codes[positions])
        return found

    def _among(self, chosen: Positions, queries: Vectors, k: int) -> tuple[Positions, Scores]:
        """Search like ``exact`` among these positions, copied out block by block."""
        faiss = faiss_module()
        if self._width == 4 * self.dim:
            block = faiss.IndexFlatIP(self.dim)
        else:
            half = faiss.ScalarQuantizer.QT_fp16
            block = faiss.IndexScalarQuantizer(self.dim, half, faiss.METRIC_INNER_PRODUCT)
        step = max(1, _BLOCK_BYTES // self._width)
        buffer = np.empty((min(step, len(chosen)), self._width), dtype=np.uint8)
        results = []
        for start in range(0, max(1, len(chosen)), step):
            positions = chosen[start : start + step]  # (b,)
            copy = np.take(
                self._codes, positions, axis=0, out=buffer[: len(positions)], mode="clip"
            )
            block.reset()
            block.add_sa_codes(copy)
            found, scores = faiss_search(block, queries, k, None)  # (q, k) each
            if len(positions):
                found = np.where(found >= 0, positions[found], -1)
            results.append((found, scores))
        if len(results) == 1:
            return results[0]
        found, scores = (np.concatenate(blocks, axis=1) for blocks in zip(*results, strict=True))
        best = np.argsort(-scores, axis=1, kind="stable")[:, :k]  # (q, k)
        return np.take_along_axis(found, best, 1), np.take_along_axis(scores, best, 1)


def _read(path: Path, layout: Recipe, *, mapped: bool = False) -> Any:
    faiss = faiss_module()
    with _load_lock:
        limit = path.stat().st_size + _SLACK_BYTES
        faiss.set_deserialization_vector_byte_limit(limit)
        faiss.set_deserialization_loop_limit(limit)
        index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC if mapped else 0)
    check_structure(index, layout, path.name)
    return index
