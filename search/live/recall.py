"""Watches whether the promised recall is kept: some real queries are repeated exactly.

That happens in the background. The request path only puts a query into a short queue, or skips it
if the queue is full; it never waits. When the recall of a window of queries is below the promise,
searches try harder by one level. After a long good time they go back by one level.
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
from indexer.vectors.backend import RecallPromise
from indexer.vectors.recall import TOP, recall_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from indexer.arrays import Embedding, Scores
    from indexer.vectors.backend import VectorBackend
    from indexer.vectors.position_mask import PositionMask

logger = logging.getLogger("vitrine.search")

WINDOW = 100  # queries that are judged together
_LEAST = 30  # of them, before anything is done
_SURE = 2.0  # standard errors below the promise: chance alone does not raise the effort
_HOLD = 10  # good windows before less effort is tried again, doubled at each relapse
_WAITING = 16  # queries in the queue; more are not sampled
_LEAST_PRIORITY = 19


class Sample(NamedTuple):
    """A query (dim,), the positions it could find, and the scores it found (k,), best first."""

    query: Embedding
    allowed: PositionMask | None
    scores: Scores


class RecallWatch:
    """Watches one open index. ``offer`` may be called from any thread; ``close`` when done.

    It looks at this ``share`` of the queries, at most ``per_second``. Nothing is watched if
    ``share`` is 0 or every search is exact.
    """

    def __init__(
        self,
        vectors: VectorBackend,
        *,
        share: float = 0.0,
        per_second: float = 2.0,
        chance: Callable[[], float] = random.random,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.extra_levels = 0  # how many levels above the promised one searches are done at
        self._vectors = vectors
        self._promise = vectors.promise or RecallPromise(1.0, 1.0, 0)
        self._share = 0.0 if vectors.promise is None else share
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

    def offer(self, query: Embedding, allowed: PositionMask | None, scores: Scores) -> None:
        """Maybe look at how this query (dim,) was answered; costs the caller a microsecond."""
        if not self._share or self._chance() >= self._share:
            return
        now = self._clock()
        if now < self._next_s:
            return
        self._next_s = now + self._pause_s
        with contextlib.suppress(queue.Full):
            self._queue.put_nowait(Sample(query, allowed, scores))

    def status(self) -> RecallStatus:
        """Return what is known now; ``live`` is None until a query was looked at."""
        window = list(self._window)
        live = round(float(np.mean(window)), 4) if window else None
        return RecallStatus(
            promised=self._promise.promised,
            measured=self._promise.measured,
            live=live,
            samples=self._samples,
            raised=self.extra_levels,
            kept=live is None or not self._below(window),
        )

    def look(self, sample: Sample) -> None:
        """Repeat a query exactly, and note its recall."""
        best = self._vectors.exact(sample.query[None, :], TOP, sample.allowed)[1]  # (1, TOP)
        self.note(float(recall_of(sample.scores[None, :], best)[0]))

    def note(self, recall: float) -> None:
        """Count the recall of one query, and change the effort if the window says so."""
        self._samples += 1
        self._good += 1
        self._window.append(recall)
        window = list(self._window)
        if len(window) >= _LEAST and self._below(window):
            self._raise(float(np.mean(window)))
        elif self.extra_levels and self._good >= self._hold:
            self.extra_levels -= 1
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
        return bool(np.mean(window) + _SURE * error < self._promise.promised)

    def _raise(self, recall: float) -> None:
        highest = self._promise.extra_levels
        said = f"recall@{TOP} of real queries is {recall:.3f}, promised {self._promise.promised:g}"
        self._good = 0
        if self.extra_levels >= highest:
            # Said once for each window, and not for every query.
            if self._samples % WINDOW == 0:
                logger.error("%s, at the highest effort: run 'vitrine rebuild'", said)
            return
        if self._lowered:
            self._hold *= 2
            self._lowered = False
        self.extra_levels += 1
        self._window.clear()  # what comes is answered otherwise
        logger.warning("%s: searches try harder, level %d of %d", said, self.extra_levels, highest)

    def _work(self) -> None:
        with contextlib.suppress(OSError, AttributeError):  # of this thread, on Linux
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LEAST_PRIORITY)
        while (sample := self._queue.get()) is not None:
            try:
                self.look(sample)
            except Exception:
                logger.exception("a query could not be searched again")
