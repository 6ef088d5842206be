"""A copy of an index's vectors on GPUs, and its searches."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from indexer.vectors.contract import MEASURED_K, Effort, Level
from indexer.vectors.gpu.batcher import GpuBatcher
from indexer.vectors.recipes import faiss_module

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from indexer.arrays import Scores, Vectors
    from indexer.vectors.gpu.devices import Form

logger = logging.getLogger("vitrine.indexer")

MAX_ROWS = {"flat": 2048, "graph": 512, "lists": 2048}  # that FAISS can select per query on a GPU
MAX_DEPTH = {"flat": 1, "graph": 512, "lists": 2048}  # itopk of CAGRA, nprobe of lists
FLAT_EFFORT = Effort(1, MEASURED_K + 16)  # spare rows: rounding queries to fp16 may swap some


class DeviceCopy:
    """Vectors on GPUs, searched without filters: FAISS supports none there, except with cuVS.

    Thread-safe: see ``GpuBatcher``. The queries of a batch are copied to the GPU, and the
    candidates back, in one transfer each. Candidates are rescored with the exact vectors on the
    CPU, so their scores equal those of an exact search.
    """

    def __init__(
        self,
        replicas: Sequence[Any],
        exact: Any,
        form: Form,
        *,
        levels: Sequence[Level] = (),
        level: int = 0,
        max_depth: int | None = None,
    ) -> None:
        """Combine indexes on GPUs with ``exact``, the index of the exact vectors on the CPU.

        ``levels`` are the measured levels from cheap to thorough; ``level`` is the index of the
        promised one. ``max_depth`` is the number of lists, if there are lists.
        """
        self.form = form
        self.levels = list(levels)
        self.level = level
        self._replicas = list(replicas)
        self._exact_vectors = exact
        self._max_depth = min(MAX_DEPTH[form], max_depth or MAX_DEPTH[form])
        faiss = faiss_module()
        self._batcher = GpuBatcher([faiss.IndexRefine(replica, exact) for replica in replicas])

    @property
    def exact(self) -> bool:
        """True if every search compares every vector."""
        return self.form == "flat"

    def split_replicas(self) -> list[DeviceCopy]:
        """Return a ``DeviceCopy`` for each replica, to measure each separately."""
        return [
            DeviceCopy([replica], self._exact_vectors, self.form, max_depth=self._max_depth)
            for replica in self._replicas
        ]

    def with_levels(self, levels: Sequence[Level], level: int) -> DeviceCopy:
        """Return this copy with its measured levels."""
        return DeviceCopy(
            self._replicas,
            self._exact_vectors,
            self.form,
            levels=levels,
            level=level,
            max_depth=self._max_depth,
        )

    def search(
        self, queries: Vectors, k: int, *, extra_levels: int = 0, effort_factor: float = 1.0
    ) -> tuple[NDArray[np.int64], Scores] | None:
        """Find the k best positions of each query with the measured effort.

        ``extra_levels`` is added to the promised level, and ``effort_factor`` multiplies the
        effort of that level. Returns None if the CPU must search: if k is above the limit of
        GPUs, or if the GPU ran out of memory.
        """
        if k > MAX_ROWS[self.form] or not self.levels:
            return None
        effort = self.levels[min(self.level + extra_levels, len(self.levels) - 1)].effort
        try:
            return self.search_with_effort(
                queries, k, effort.times(max(1.0, k / MEASURED_K, effort_factor))
            )
        except (RuntimeError, MemoryError) as error:
            reason = " ".join(str(error).split())[-200:]
            logger.warning(
                "the GPU failed to search %d queries, the CPU searches them: %s",
                len(queries),
                reason,
            )
            return None

    def search_with_effort(
        self, queries: Vectors, k: int, effort: Effort
    ) -> tuple[NDArray[np.int64], Scores]:
        """Find the k best positions of each query (q, dim): positions and scores, (q, k) each.

        Best first, padded with -1 if there are fewer. FAISS may raise RuntimeError or MemoryError.
        """
        return self._batcher.search(queries, k, effort, self._parameters(effort, k))

    def _parameters(self, effort: Effort, k: int) -> Any:
        faiss = faiss_module()
        wanted = max(k, min(effort.refine, MAX_ROWS[self.form]))
        depth = min(effort.depth, self._max_depth)
        params = None
        if self.form == "lists":
            params = faiss.SearchParametersIVF(nprobe=depth)
        elif self.form == "graph":
            params = faiss.SearchParametersCagra(itopk_size=max(depth, wanted))
        return faiss.IndexRefineSearchParameters(k_factor=wanted / k, base_index_params=params)
