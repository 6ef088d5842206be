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

MOST = {"flat": 2048, "graph": 512, "lists": 2048}  # rows that FAISS selects on a GPU at once
DEEPEST = {"flat": 1, "graph": 512, "lists": 2048}  # itopk of CAGRA, nprobe of lists
FLAT_EFFORT = Effort(1, MEASURED_K + 16)  # queries are rounded to fp16: rows at the edge may swap


class DeviceCopy:
    """Vectors on GPUs, searched without filters: FAISS has none there unless built with cuVS.

    Thread-safe: see ``GpuBatcher``. A batch of queries is copied to the GPU and its candidates
    back, once. Candidates are scored from the exact vectors on the CPU, so their scores are those
    of an exact search.
    """

    def __init__(
        self,
        replicas: Sequence[Any],
        exact: Any,
        form: Form,
        *,
        levels: Sequence[Level] = (),
        level: int = 0,
        deepest: int | None = None,
    ) -> None:
        """``levels`` are what was measured, from cheap to thorough; ``level`` keeps the promise.

        ``deepest`` is how many lists there are; ``exact`` the exact vectors on the CPU.
        """
        self.form = form
        self.levels = list(levels)
        self.level = level
        self._held = (list(replicas), exact)
        self._deepest = min(DEEPEST[form], deepest or DEEPEST[form])
        faiss = faiss_module()
        self._batcher = GpuBatcher([faiss.IndexRefine(replica, exact) for replica in replicas])

    @property
    def exact(self) -> bool:
        """Whether every vector is compared."""
        return self.form == "flat"

    def apart(self) -> list[DeviceCopy]:
        """Return a copy for each replica, so that each can be measured."""
        replicas, exact = self._held
        return [
            DeviceCopy([replica], exact, self.form, deepest=self._deepest) for replica in replicas
        ]

    def measured(self, levels: Sequence[Level], level: int) -> DeviceCopy:
        """Return this copy with what was measured of it."""
        replicas, exact = self._held
        return DeviceCopy(
            replicas, exact, self.form, levels=levels, level=level, deepest=self._deepest
        )

    def search(
        self, queries: Vectors, k: int, *, extra_levels: int = 0, effort_factor: float = 1.0
    ) -> tuple[NDArray[np.int64], Scores] | None:
        """Find the k best positions of each query, as ``near`` does at the measured effort.

        ``extra_levels`` is how many levels above the measured one to search at, and
        ``effort_factor`` multiplies the effort of that level. None if the CPU must search: for
        more rows than a GPU selects, or if the GPU's memory ran out.
        """
        if k > MOST[self.form] or not self.levels:
            return None
        effort = self.levels[min(self.level + extra_levels, len(self.levels) - 1)].effort
        try:
            return self.near(queries, k, effort.times(max(1.0, k / MEASURED_K, effort_factor)))
        except (RuntimeError, MemoryError) as error:
            said = " ".join(str(error).split())[-200:]
            logger.warning(
                "the GPU could not search %d queries, the CPU did: %s", len(queries), said
            )
            return None

    def near(self, queries: Vectors, k: int, effort: Effort) -> tuple[NDArray[np.int64], Scores]:
        """Find the k best positions of each query (q, dim): positions and scores, (q, k) each.

        Best first; the tail is -1 if there are no more. RuntimeError and MemoryError come from
        FAISS.
        """
        return self._batcher.search(queries, k, effort, self._parameters(effort, k))

    def _parameters(self, effort: Effort, k: int) -> Any:
        faiss = faiss_module()
        wanted = max(k, min(effort.refine, MOST[self.form]))
        depth = min(effort.depth, self._deepest)
        params = None
        if self.form == "lists":
            params = faiss.SearchParametersIVF(nprobe=depth)
        elif self.form == "graph":
            params = faiss.SearchParametersCagra(itopk_size=max(depth, wanted))
        return faiss.IndexRefineSearchParameters(k_factor=wanted / k, base_index_params=params)
