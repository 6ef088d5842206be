"""Is the promised recall kept? Some real queries are searched again, exactly, in the background.

The request path only drops a query into a short queue, or does not: nothing waits. When the
queries of a window were answered worse than promised, searches try harder by one level; after a
long good time one level less is tried again.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import random
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from indexer.shop.status import RecallStatus
from indexer.vectors.tuning import TOP, recall_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from indexer.arrays import Embedding, Scores
    from indexer.vectors.index import VectorIndex
    from indexer.vectors.position_mask import Allowed

logger = logging.getLogger("vitrine.search")

WINDOW = 100  # queries that are judged together
_LEAST = 30  # of them, before anything is done
_SURE = 2.0  # standard errors below the promise: chance alone does not raise the effort
_HOLD = 10  # good windows before less effort is tried again, doubled at each relapse
_WAITING = 16  # queries in the queue; more are not sampled
_LEAST_PRIORITY = 19


class Sample(NamedTuple):
    """A query (dim,), what it was allowed to find, and the scores it found (k,), best first."""

    query: Embedding
    allowed: Allowed | None
    scores: Scores


class RecallWatch:
    """Watches one open index. ``offer`` may be called from any thread; ``close`` when done.

    ``share`` of the queries are looked at, at most ``per_second``; 0 watches nothing.
    """

    def __init__(
        self,
        vectors: VectorIndex,
        *,
        share: float = 0.0,
        per_second: float = 2.0,
        chance: Callable[[], float] = random.random,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.raised = 0  # by how many levels searches try harder than the contract says
        self._vectors = vectors
        self._share = 0.0 if vectors.contract.exact else share
        self._pause_s = 1 / per_second
        self._chance = chance
        self._clock = clock
        self._next_s = -np.inf
        self._window: deque[float] = deque(maxlen=WINDOW)
        self._samples = 0
        self._good = 0  # samples since the recall was last below the promise
        self._hold = _HOLD * WINDOW
        self._lowered = False
        self._queue: queue.Queue[Sample | None] = queue.Queue(_WAITING)
        self._thread: threading.Thread | None = None
        if self._share:
            self._thread = threading.Thread(target=self._work, name="vitrine-recall", daemon=True)
            self._thread.start()

    def offer(self, query: Embedding, allowed: Allowed | None, scores: Scores) -> None:
        """Perhaps look at how this query (dim,) was answered; costs the caller a microsecond."""
        if not self._share or self._chance() >= self._share:
            return
        now = self._clock()
        if now < self._next_s:
            return
        self._next_s = now + self._pause_s
        with contextlib.suppress(queue.Full):
            self._queue.put_nowait(Sample(query, allowed, scores))

    def status(self) -> RecallStatus:
        """What is known now; ``live`` is None until queries were looked at."""
        contract = self._vectors.contract
        window = list(self._window)
        live = round(float(np.mean(window)), 4) if window else None
        return RecallStatus(
            promised=1.0 if contract.exact else contract.wishes.recall,
            measured=contract.recall,
            live=live,
            samples=self._samples,
            raised=self.raised,
            kept=live is None or not self._below(window),
        )

    def look(self, sample: Sample) -> None:
        """Search a query again, exactly, and draw the consequences."""
        best = self._vectors.exact(sample.query[None, :], TOP, sample.allowed)[1]  # (1, TOP)
        self.note(float(recall_of(sample.scores[None, :], best)[0]))

    def note(self, recall: float) -> None:
        """Take in the recall of one query."""
        self._samples += 1
        self._good += 1
        self._window.append(recall)
        window = list(self._window)
        if len(window) >= _LEAST and self._below(window):
            self._raise(float(np.mean(window)))
        elif self.raised and self._good >= self._hold:
            self.raised -= 1
            self._lowered = True
            self._good = 0
            self._window.clear()
            logger.info("recall has been kept for long; searches try less hard again")

    def close(self) -> None:
        """Stop the thread and wait for the query it is at."""
        if self._thread is not None:
            self._share = 0.0
            with contextlib.suppress(queue.Empty):
                while True:
                    self._queue.get_nowait()
            self._queue.put(None)
            self._thread.join()
            self._thread = None

    def _below(self, window: list[float]) -> bool:
        error = float(np.std(window)) / np.sqrt(len(window))
        return bool(np.mean(window) + _SURE * error < self._vectors.contract.wishes.recall)

    def _raise(self, recall: float) -> None:
        contract = self._vectors.contract
        highest = len(contract.levels) - 1 - contract.level
        said = f"recall@{TOP} of real queries is {recall:.3f}, promised {contract.wishes.recall:g}"
        self._good = 0
        if self.raised >= highest:
            # Said once for each window, and not for every query.
            if self._samples % WINDOW == 0:
                logger.error("%s, at the highest effort: run 'vitrine rebuild'", said)
            return
        if self._lowered:
            self._hold *= 2
            self._lowered = False
        self.raised += 1
        self._window.clear()  # what comes is answered otherwise
        logger.warning("%s: searches try harder, level %d of %d", said, self.raised, highest)

    def _work(self) -> None:
        with contextlib.suppress(OSError, AttributeError):  # of this thread, on Linux
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LEAST_PRIORITY)
        while (sample := self._queue.get()) is not None:
            try:
                self.look(sample)
            except Exception:
                logger.exception("a query could not be searched again")
