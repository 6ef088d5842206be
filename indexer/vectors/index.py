"""An index by FAISS: nearest rows by inner product, best first."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from indexer.errors import IndexCorrupt, StoreFull
from indexer.vectors.backend import rows_at
from indexer.vectors.contract import FLAT, Contract, Effort
from indexer.vectors.faiss_search import faiss_search
from indexer.vectors.gpu.devices import Placement
from indexer.vectors.position_mask import PositionMask
from indexer.vectors.recipe import Recipe
from indexer.vectors.recipes import (
    exact_store,
    faiss_module,
    lay_out,
    search_parameters,
)

if TYPE_CHECKING:
    from pathlib import Path

    from indexer.arrays import Positions, Rows, Scores, Vectors
    from indexer.vectors.gpu.devicecopy import DeviceCopy

EXACT = "exact.faiss"  # beside the index, where the index itself holds no exact vectors
_SLACK_BYTES = 1 << 20  # a vector inside an index file is no longer than the file, and a bit
# Allowed rows are copied out and compared if that is at most so many bytes for each row of the
# index. Beyond it, looking up whether a row is allowed costs less, for every row. Measured.
_COPY_BYTES = 32
_BLOCK_BYTES = 1 << 20  # copied at a time: it stays in the cache of a core

_load_lock = threading.Lock()  # FAISS's limits are set for the whole process


class VectorIndex:
    """Searches unit vectors with FAISS. Thread-safe: a search sets nothing on it.

    ``rows`` (n,) gives the row number of each position, a place in the order in which vectors were
    added. ``contract`` says how the index is laid out, and how hard to search it. Exact search is
    possible with any recipe: see ``exact``.
    """

    def __init__(
        self, index: Any, rows: Rows, *, exact: Any | None = None, contract: Contract | None = None
    ) -> None:
        """``exact`` is the exact vectors' index where ``index`` does not hold them itself."""
        if index.ntotal != len(rows):
            raise IndexCorrupt(
                f"the index holds {index.ntotal} vectors, its row table {len(rows)} rows"
            )
        if exact is not None and (exact.ntotal, exact.d) != (index.ntotal, index.d):
            raise IndexCorrupt(
                f"the index holds {index.ntotal} vectors of {index.d} numbers, the exact ones "
                f"beside it {exact.ntotal} of {exact.d}"
            )
        self.contract = contract or Contract()
        self.recipe = self.contract.recipe
        self.layout = Recipe.parse(self.recipe)
        self.rows = rows
        self.dim = int(index.d)
        self._base = index
        self._beside = exact
        self._index = index if exact is None else faiss_module().IndexRefine(index, exact)
        self._exact = exact_store(index) if exact is None else exact
        codes = faiss_module().rev_swig_ptr(self._exact.codes.data(), self._exact.codes.size())
        self._width = int(self._exact.code_size)  # bytes of a vector
        # (n, bytes), not copied. Of no bytes at all FAISS makes an array of another type.
        self._codes = codes.astype(np.uint8, copy=False).reshape(len(rows), self._width)
        self.device: DeviceCopy | None = None  # see ``with_device``
        self.placement = Placement()

    @classmethod
    def build(cls, vectors: Vectors, rows: Rows, recipe: str = FLAT) -> VectorIndex:
        """Index (n, dim) unit vectors under their row numbers (n,); n may be 0.

        Nothing is promised of it: ``indexer.vectors.tuning`` measures, and hands in a contract.
        """
        laid = lay_out(recipe, vectors)
        numbers = np.asarray(rows, dtype=np.int64)
        return cls(laid.index, numbers, exact=laid.exact, contract=Contract(recipe=recipe))

    @classmethod
    def load(cls, vectors: Path, rows: Path, contract: Contract | None = None) -> VectorIndex:
        """Read an index and its row table, by the contract that it was written with.

        The caller has verified the files' checksums: reading an index of unknown origin would be
        reading a program. IndexCorrupt when FAISS cannot make sense of one.
        """
        contract = contract or Contract()
        try:
            index, exact = _read(vectors), None
            if not Recipe.parse(contract.recipe).holds_exact:
                exact = _read(vectors.with_name(EXACT), mapped=True)
            table = np.load(rows, allow_pickle=False)
        except (RuntimeError, ValueError, EOFError, OSError) as error:
            reason = " ".join(str(error).split())[:200]
            raise IndexCorrupt(f"{vectors.parent} cannot be read: {reason}") from error
        return cls(index, table, exact=exact, contract=contract)

    def save(self, vectors: Path, rows: Path) -> None:
        """Write its files, ``exact.faiss`` among them where needed. StoreFull if it cannot."""
        parts = {vectors: self._base}
        if self._beside is not None:
            parts[vectors.with_name(EXACT)] = self._beside
        for path, part in parts.items():
            try:
                faiss_module().write_index(part, str(path))
            except RuntimeError as error:
                reason = " ".join(str(error).split()).rpartition("failed: ")[2]
                raise StoreFull(
                    f"cannot write {path}: {reason[:200]}; is the disk full?"
                ) from error
        np.save(rows, self.rows, allow_pickle=False)

    def with_contract(self, contract: Contract) -> VectorIndex:
        """Return this index under another contract of the same recipe; nothing is copied."""
        return VectorIndex(self._base, self.rows, exact=self._beside, contract=contract)

    def with_rows(self, rows: Rows) -> VectorIndex:
        """Return this index under other row numbers (n,); nothing is copied."""
        return VectorIndex(self._base, rows, exact=self._beside, contract=self.contract)

    def with_device(self, copy: DeviceCopy | None, placement: Placement) -> VectorIndex:
        """Return this index with a copy of its vectors on GPUs, or None; nothing is copied here.

        If the copy is exact, exact searches without a filter are done there.
        """
        moved = self.with_rows(self.rows)
        moved.device, moved.placement = copy, placement
        return moved

    @property
    def exact_index(self) -> Any:
        """FAISS's index of the exact vectors; only to be read."""
        return self._exact

    def __len__(self) -> int:
        return len(self.rows)

    def search(
        self, queries: Vectors, k: int, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[Rows, Scores]:
        """Find the nearest rows of each query by comparing every allowed one, best first.

        Queries are (q, dim); ``allowed`` (n,) says which positions may be found, None means
        all. Both results are (q, k): row numbers and scores. Where fewer than k rows exist
        the tail is row -1, score -inf. Another dim: IndexMismatch.
        """
        mask = None if allowed is None else PositionMask(allowed)
        positions, scores = self.exact(queries, k, mask)
        return rows_at(self.rows, positions), scores

    def exact(
        self, queries: Vectors, k: int, allowed: PositionMask | None = None
    ) -> tuple[Positions, Scores]:
        """Find the nearest positions, as ``search`` finds rows.

        Scores are of the vectors as stored: fp32, or the fp16 numbers of the store.
        """
        if allowed is None and self.device is not None and self.device.exact:
            found = self.device.search(queries, k)
            if found is not None:
                return found
        if allowed is None or not len(self):
            return faiss_search(self._exact, queries, k, None)
        if self.picks(allowed.count):
            return self._among(allowed.positions, queries, k)
        params = faiss_module().SearchParameters(sel=allowed.selector)
        return faiss_search(self._exact, queries, k, params)

    def picks(self, count: int) -> bool:
        """Whether an exact search of so many allowed rows looks at no others."""
        return count * self._width <= _COPY_BYTES * len(self)

    def near(self, queries: Vectors, k: int, effort: Effort) -> tuple[Positions, Scores]:
        """Find positions with this effort; otherwise as ``exact``.

        The tail is also -1 if the effort was too small to find k.
        """
        params = search_parameters(self.layout, effort, k)
        return faiss_search(self._index, queries, k, params)

    def vectors_at(self, positions: Positions) -> Vectors:
        """Return the vectors at these positions, as stored: (p,) to (p, dim)."""
        found = self._codes[positions]  # (p, bytes)
        kind = np.float32 if found.shape[1] == 4 * self.dim else np.float16
        return np.asarray(found.view(kind), dtype=np.float32)

    def _among(self, chosen: Positions, queries: Vectors, k: int) -> tuple[Positions, Scores]:
        """As ``exact``, among these positions, copied out block by block."""
        faiss = faiss_module()
        if self._width == 4 * self.dim:
            block = faiss.IndexFlatIP(self.dim)
        else:
            half = faiss.ScalarQuantizer.QT_fp16
            block = faiss.IndexScalarQuantizer(self.dim, half, faiss.METRIC_INNER_PRODUCT)
        step = max(1, _BLOCK_BYTES // self._width)
        space = np.empty((min(step, len(chosen)), self._width), dtype=np.uint8)
        parts = []
        for at in range(0, max(1, len(chosen)), step):
            part = chosen[at : at + step]  # (b,)
            copy = np.take(self._codes, part, axis=0, out=space[: len(part)], mode="clip")
            block.reset()
            block.add_sa_codes(copy)
            found, scores = faiss_search(block, queries, k, None)  # (q, k) each
            if len(part):
                found = np.where(found >= 0, part[found], -1)
            parts.append((found, scores))
        if len(parts) == 1:
            return parts[0]
        found, scores = (np.concatenate(blocks, axis=1) for blocks in zip(*parts, strict=True))
        best = np.argsort(-scores, axis=1, kind="stable")[:, :k]  # (q, k)
        return np.take_along_axis(found, best, 1), np.take_along_axis(scores, best, 1)


def _read(path: Path, *, mapped: bool = False) -> Any:
    faiss = faiss_module()
    with _load_lock:
        limit = path.stat().st_size + _SLACK_BYTES
        faiss.set_deserialization_vector_byte_limit(limit)
        faiss.set_deserialization_loop_limit(limit)
        return faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC if mapped else 0)
