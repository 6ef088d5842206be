"""Batches searches for GPUs, which do one search at a time."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from indexer.vectors.faiss_search import faiss_search

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from numpy.typing import NDArray

    from indexer.arrays import Scores, Vectors

    Answer = tuple[NDArray[np.int64], Scores]

MOST_TOGETHER = 1024  # queries


@dataclass(eq=False)
class _Waiting:
    """A search: its queries (q, dim), what may share a batch with it, and its result."""

    queries: Vectors
    alike: Hashable
    taken: bool = False  # some thread searches for it
    found: Answer | None = None
    failed: BaseException | None = None

    @property
    def done(self) -> bool:
        return self.found is not None or self.failed is not None


class GpuBatcher:
    """Searches replicas of one index from many threads.

    A replica does one search at a time. Searches that come while all are busy wait, and are then
    done as one batch: on a GPU that costs hardly more than a single query.
    """

    def __init__(self, replicas: Sequence[Any]) -> None:
        self._idle = list(replicas)
        self._waiting: list[_Waiting] = []
        self._changed = threading.Condition()

    def search(self, queries: Vectors, k: int, alike: Hashable, parameters: Any | None) -> Answer:
        """Find the k best positions of each query (q, dim): positions and scores, (q, k) each.

        Searches of the same k, dim and ``alike`` may share a batch, with the FAISS
        ``parameters`` of one of them. An error of FAISS is raised by all of the batch.
        """
        mine = _Waiting(queries, (k, queries.shape[1:], alike))
        with self._changed:
            self._waiting.append(mine)
            self._changed.wait_for(lambda: mine.done or (self._idle and not mine.taken))
            batch = [] if mine.done else self._together(mine)
            replica = self._idle.pop() if batch else None
        if batch:
            try:
                _search(replica, batch, k, parameters)
            finally:
                with self._changed:
                    self._idle.append(replica)
                    self._changed.notify_all()
        if mine.failed is not None:
            raise mine.failed
        assert mine.found is not None
        return mine.found

    def _together(self, mine: _Waiting) -> list[_Waiting]:
        """Take this search, and the waiting ones that may share its batch."""
        batch, size = [mine], len(mine.queries)
        for waiting in self._waiting:
            if waiting is not mine and waiting.alike == mine.alike:
                size += len(waiting.queries)
                if size > MOST_TOGETHER:
                    break
                batch.append(waiting)
        for search in batch:
            search.taken = True
        self._waiting = [search for search in self._waiting if not search.taken]
        return batch


def _search(index: Any, batch: list[_Waiting], k: int, parameters: Any) -> None:
    """Do all searches of a batch at once, and split the result."""
    try:
        positions, scores = faiss_search(
            index, np.concatenate([search.queries for search in batch]), k, parameters
        )  # (sum of q, k) each
    except BaseException as error:  # noqa: BLE001 - whatever it is, all of the batch raise it
        for search in batch:
            search.failed = error
        return
    begin = 0
    for search in batch:
        end = begin + len(search.queries)
        search.found = positions[begin:end], scores[begin:end]
        begin = end
