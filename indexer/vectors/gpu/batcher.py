"""Combine the searches of several threads into batches for GPUs."""

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

    Result = tuple[NDArray[np.int64], Scores]

MAX_BATCH = 1024  # queries


@dataclass(eq=False)
class _PendingSearch:
    """A search that waits for a GPU: its queries (q, dim), and its result.

    Searches with equal ``batch_key`` may share a batch.
    """

    queries: Vectors
    batch_key: Hashable
    claimed: bool = False  # a thread has put it into its batch
    found: Result | None = None
    error: BaseException | None = None

    @property
    def done(self) -> bool:
        return self.found is not None or self.error is not None


class GpuBatcher:
    """Searches replicas of one index from many threads.

    A replica does one search at a time. Searches that arrive while all replicas are busy wait, and
    then run as one batch, which takes a GPU hardly longer than a single query.
    """

    def __init__(self, replicas: Sequence[Any]) -> None:
        self._idle = list(replicas)
        self._waiting: list[_PendingSearch] = []
        self._changed = threading.Condition()

    def search(
        self, queries: Vectors, k: int, batch_key: Hashable, parameters: Any | None
    ) -> Result:
        """Find the k best positions of each query (q, dim): positions and scores, (q, k) each.

        Searches with equal k, dim and ``batch_key`` may share a batch; it uses the FAISS
        ``parameters`` of one of them. An error in FAISS is raised by all searches of the batch.
        """
        own = _PendingSearch(queries, (k, queries.shape[1:], batch_key))
        with self._changed:
            self._waiting.append(own)
            self._changed.wait_for(lambda: own.done or (self._idle and not own.claimed))
            batch = [] if own.done else self._claim_batch(own)
            replica = self._idle.pop() if batch else None
        if batch:
            try:
                _search(replica, batch, k, parameters)
            finally:
                with self._changed:
                    self._idle.append(replica)
                    self._changed.notify_all()
        if own.error is not None:
            raise own.error
        assert own.found is not None
        return own.found

    def _claim_batch(self, own: _PendingSearch) -> list[_PendingSearch]:
        """Claim this search and those that may share its batch. The caller holds the lock."""
        batch, size = [own], len(own.queries)
        for waiting in self._waiting:
            if waiting is not own and waiting.batch_key == own.batch_key:
                size += len(waiting.queries)
                if size > MAX_BATCH:
                    break
                batch.append(waiting)
        for search in batch:
            search.claimed = True
        self._waiting = [search for search in self._waiting if not search.claimed]
        return batch


def _search(index: Any, batch: list[_PendingSearch], k: int, parameters: Any) -> None:
    """Run all searches of a batch at once, and split the result."""
    try:
        positions, scores = faiss_search(
            index, np.concatenate([search.queries for search in batch]), k, parameters
        )  # (sum of q, k) each
    except BaseException as error:  # noqa: BLE001 - raised again by every search of the batch
        for search in batch:
            search.error = error
        return
    begin = 0
    for search in batch:
        end = begin + len(search.queries)
        search.found = positions[begin:end], scores[begin:end]
        begin = end
