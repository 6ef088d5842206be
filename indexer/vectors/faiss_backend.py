"""The FAISS backend: an index with its recipe, its planner, and its copy on GPUs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from indexer.vectors import planner
from indexer.vectors.backend import Nearest, RecallPromise, promise_of
from indexer.vectors.contract import FLAT, Contract
from indexer.vectors.gpu.placing import copy_to_gpus
from indexer.vectors.index import EXACT, VectorIndex

if TYPE_CHECKING:
    from pathlib import Path

    from indexer.arrays import Embedding, Positions, Rows, Scores, Vectors
    from indexer.vectors.position_mask import PositionMask

VECTORS, ROWS = "vectors.faiss", "rows.npy"


class FaissBackend:
    """Searches a FAISS index, exactly or approximately, on the CPU or GPUs. See ``VectorBackend``.

    ``contract`` holds what was measured when the index was built; it is stored in the manifest.
    """

    def __init__(self, index: VectorIndex) -> None:
        self.index = index
        self.dim = index.dim

    @classmethod
    def build(cls, vectors: Vectors, rows: Rows, recipe: str = FLAT) -> FaissBackend:
        """See ``VectorBackend.build``. An approximate ``recipe`` has no promise yet."""
        return cls(VectorIndex.build(vectors, rows, recipe))

    @classmethod
    def open(
        cls, folder: Path, contract: Contract | None = None, *, serving: bool = False
    ) -> FaissBackend:
        """See ``VectorBackend.open``."""
        index = VectorIndex.load(folder / VECTORS, folder / ROWS, contract)
        if serving:
            index.move_to_huge_pages()
            index = copy_to_gpus(index)
        return cls(index)

    def save(self, folder: Path) -> None:
        """See ``VectorBackend.save``."""
        self.index.save(folder / VECTORS, folder / ROWS)

    @classmethod
    def drop(cls, folder: Path) -> None:
        """See ``VectorBackend.drop``."""
        for name in (VECTORS, EXACT, ROWS):
            (folder / name).unlink(missing_ok=True)

    @property
    def rows(self) -> Rows:
        """See ``VectorBackend.rows``."""
        return self.index.rows

    @property
    def contract(self) -> Contract:
        """The recipe of the index, and what was measured."""
        return self.index.contract

    @property
    def note(self) -> str:
        """See ``VectorBackend.note``."""
        return self.index.placement.note

    @property
    def promise(self) -> RecallPromise | None:
        """See ``VectorBackend.promise``."""
        return promise_of(self.contract)

    @classmethod
    def announce(cls, folder: Path, shop: Path) -> None:
        """See ``VectorBackend.announce``: the index is in its folder alone."""

    def check_ready(self) -> None:
        """See ``VectorBackend.check_ready``: searches need nothing but this process."""

    def __len__(self) -> int:
        return len(self.index)

    def nearest(
        self, query: Embedding, k: int, allowed: PositionMask | None, *, extra_levels: int = 0
    ) -> Nearest:
        """See ``VectorBackend.nearest``; ``indexer.vectors.planner`` explains the choice."""
        return planner.nearest(self.index, query, k, allowed, extra_levels=extra_levels)

    def exact(
        self, queries: Vectors, k: int, allowed: PositionMask | None = None
    ) -> tuple[Positions, Scores]:
        """See ``VectorBackend.exact``."""
        return self.index.exact(queries, k, allowed)

    def approximate(self, queries: Vectors, k: int) -> tuple[Positions, Scores]:
        """See ``VectorBackend.approximate``."""
        contract = self.contract
        if contract.exact:
            return self.exact(queries, k)
        return self.index.search_with_effort(queries, k, contract.levels[contract.level].effort)

    def vectors_at(self, positions: Positions) -> Vectors:
        """See ``VectorBackend.vectors_at``."""
        return self.index.vectors_at(positions)

    def build_delta(self, vectors: Vectors, rows: Rows) -> FaissBackend:
        """See ``VectorBackend.build_delta``."""
        return FaissBackend.build(vectors, rows)
