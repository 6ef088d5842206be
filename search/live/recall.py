"""Check that an index keeps its promised recall, by repeating some real queries exactly.

A background thread does this. A search only puts its query into a short queue; if the queue is
full, the query is not checked, so searches never wait. The thread has the priority of all others:
with a lower one it would keep them waiting whenever it holds the GIL and gets no core. It works a
small share of the time instead. When the recall of recent queries is below
the promise, the effort of searches rises by one level. After a long time above the promise, the
effort falls by one level.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import random
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, NamedTuple, Protocol

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

WINDOW = 100  # recent queries whose mean recall is compared with the promise
_MIN_SAMPLES = 30  # in the window, before the effort changes
_STANDARD_ERRORS = 2.0  # below the promise, so that chance alone does not raise the effort
_GOOD_WINDOWS = 10  # before the effort falls; doubled each time it has to rise again
_QUEUE_SIZE = 16  # queries; further ones are not checked
_SHARE_OF_TIME = 0.02  # that checking may take; in a large index one exact search takes long


class Sample(NamedTuple):
    """A query (dim,), the positions that it was allowed, and the scores found (k,), best first."""

    query: Embedding
    allowed: PositionMask | None
    scores: Scores


class EffortLevel(Protocol):
    """The levels of effort that searches add to the promised one.

    The processes that serve an index share it: one of them watches the recall, all obey.
    """

    extra: int


class LocalEffort:
    """An effort level of this process alone."""

    def __init__(self) -> None:
        self.extra = 0


class RecallWatch:
    """Watches the recall of one open index. Close it when done; ``offer`` is thread-safe.

    It checks a ``share`` of the queries, at most ``per_second``, and fewer if checking takes more
    than 2 % of the time. It checks none if ``share`` is 0,
    or if the index makes no promise because its searches are exact. ``effort`` is what it changes;
    without a share it only reads it.
    """

    def __init__(
        self,
        vectors: VectorBackend,
        *,
        share: float = 0.0,
        per_second: float = 2.0,
        random_number: Callable[[], float] = random.random,
        clock: Callable[[], float] = time.monotonic,
        effort: EffortLevel | None = None,
    ) -> None:
        self._effort = effort or LocalEffort()
        self._vectors = vectors
        self._promise = vectors.promise or RecallPromise(1.0, 1.0, 0)
        self._share = 0.0 if vectors.promise is None else share
        self._pause_s = 1 / per_second
        self._random = random_number
        self._clock = clock
        self._next_s = -np.inf
        self._window: deque[float] = deque(maxlen=WINDOW)
        self._samples = 0
        self._good = 0  # samples since the recall was last below the promise
        self._good_needed = _GOOD_WINDOWS * WINDOW
        self._was_lowered = False
        self._queue: queue.Queue[Sample | None] = queue.Queue(_QUEUE_SIZE)
        self._thread: threading.Thread | None = None
        if self._share:
            self._thread = threading.Thread(target=self._run, name="vitrine-recall", daemon=True)
            self._thread.start()

    @property
    def extra_levels(self) -> int:
        """The effort of searches, in levels above the promised one."""
        return self._effort.extra

    def offer(self, query: Embedding, allowed: PositionMask | None, scores: Scores) -> None:
        """Take this answered query (dim,) for checking, or skip it; takes a microsecond."""
        if not self._share or self._random() >= self._share:
            return
        now = self._clock()
        if now < self._next_s:
            return
        self._next_s = now + self._pause_s
        with contextlib.suppress(queue.Full):
            self._queue.put_nowait(Sample(query, allowed, scores))

    def status(self) -> RecallStatus:
        """Return what is known now; ``live`` is None until a query was checked."""
        window = list(self._window)
        live = round(float(np.mean(window)), 4) if window else None
        return RecallStatus(
            promised=self._promise.promised,
            measured=self._promise.measured,
            live=live,
            samples=self._samples,
            raised=self.extra_levels,
            kept=live is None or not self._is_below_promise(window),
        )

    def check(self, sample: Sample) -> None:
        """Repeat a query exactly, and record its recall."""
        began = self._clock()
        best = self._vectors.exact(sample.query[None, :], TOP, sample.allowed)[1]  # (1, TOP)
        ended = self._clock()
        self._next_s = max(self._next_s, ended + (ended - began) / _SHARE_OF_TIME)
        self.record(float(recall_of(sample.scores[None, :], best)[0]))

    def record(self, recall: float) -> None:
        """Add the recall of one query to the window, and change the effort if needed."""
        self._samples += 1
        self._good += 1
        self._window.append(recall)
        window = list(self._window)
        if len(window) >= _MIN_SAMPLES and self._is_below_promise(window):
            self._raise_effort(float(np.mean(window)))
        elif self.extra_levels and self._good >= self._good_needed:
            self._effort.extra -= 1
            self._was_lowered = True
            self._good = 0
            self._window.clear()
            logger.info("recall has long been above the promise: searches use less effort again")

    def close(self) -> None:
        """Stop the thread, and wait for the query that it is checking."""
        if self._thread is not None:
            self._share = 0.0
            with contextlib.suppress(queue.Empty):
                while True:
                    self._queue.get_nowait()
            self._queue.put(None)
            self._thread.join()
            self._thread = None

    def _is_below_promise(self, window: list[float]) -> bool:
        error = float(np.std(window)) / np.sqrt(len(window))
        return bool(np.mean(window) + _STANDARD_ERRORS * error < self._promise.promised)

    def _raise_effort(self, recall: float) -> None:
        highest = self._promise.extra_levels
        message = (
            f"recall@{TOP} of real queries is {recall:.3f}, promised {self._promise.promised:g}"
        )
        self._good = 0
        if self.extra_levels >= highest:
            # Logged once for each window, not for every query.
            if self._samples % WINDOW == 0:
                logger.error("%s, at the highest effort: run 'vitrine rebuild'", message)
            return
        if self._was_lowered:
            self._good_needed *= 2
            self._was_lowered = False
        self._effort.extra += 1
        self._window.clear()  # later queries are searched with another effort
        logger.warning(
            "%s: searches use more effort, level %d of %d", message, self.extra_levels, highest
        )

    def _run(self) -> None:
        while (sample := self._queue.get()) is not None:
            try:
                self.check(sample)
            except Exception:
                logger.exception("recall watch: a query could not be repeated exactly")
