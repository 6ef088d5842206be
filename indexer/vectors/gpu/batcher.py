"""Taking turns at indexes that do one search at a time, and searching together while waiting."""

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
    """One search: its queries (q, dim), what may be searched with it, and how it came out."""

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

    A replica does one search at a time. What comes while all are busy waits, and is then searched
    as one batch: on a GPU that costs hardly more than a single query.
    """

    def __init__(self, replicas: Sequence[Any]) -> None:
        self._idle = list(replicas)
        self._waiting: list[_Waiting] = []
        self._changed = threading.Condition()

    def search(self, queries: Vectors, k: int, alike: Hashable, parameters: Any | None) -> Answer:
        """The k best positions of each query (q, dim) and their scores, (q, k) each.

        Searches that are ``alike`` in k, dim and in this may be done in one batch, with the
        FAISS ``parameters`` of one of them. What FAISS raises, each of the batch raises.
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
        """This search and those that wait and are like it; they wait no more."""
        batch, size = [mine], len(mine.queries)
        for other in self._waiting:
            if other is not mine and other.alike == mine.alike:
                size += len(other.queries)
                if size > MOST_TOGETHER:
                    break
                batch.append(other)
        for one in batch:
            one.taken = True
        self._waiting = [one for one in self._waiting if not one.taken]
        return batch


def _search(index: Any, batch: list[_Waiting], k: int, parameters: Any) -> None:
    """Search for all of a batch at once, and give each its part."""
    try:
        positions, scores = faiss_search(
            index, np.concatenate([one.queries for one in batch]), k, parameters
        )  # (sum of q, k) each
    except BaseException as error:  # noqa: BLE001 - whatever it is, each of them raises it
        for one in batch:
            one.failed = error
        return
    begin = 0
    for one in batch:
        end = begin + len(one.queries)
        one.found = positions[begin:end], scores[begin:end]
        begin = end
