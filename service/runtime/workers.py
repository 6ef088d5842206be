"""Pools of threads, each with a short, bounded queue before it."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from indexer.errors import Overloaded

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")


class Workers:
    """Runs plain functions in threads, in order of arrival.

    At most ``queue`` calls wait, and none longer than ``deadline_s``: beyond either the call
    raises Overloaded instead of making everybody late. Calls wait in the pool's own queue, so a
    thread that becomes free takes the next one without asking the event loop.
    """

    def __init__(self, threads: int, *, queue: int, deadline_s: float, name: str) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=f"vitrine-{name}")
        self._room = threads + queue
        self._threads = threads
        self._deadline_s = deadline_s
        self._name = name
        self._lock = threading.Lock()
        self._inside = 0  # calls that wait or run

    async def run(self, work: Callable[[], T], *, deadline: float | None = None) -> T:
        """Return the result of ``work``. ``deadline`` is a time of the event loop's clock.

        When cancelled it ends at once if the call still waits, else with the call: a thread
        cannot be stopped, and what it works on (an open engine) must outlive it.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + self._deadline_s
        until = until if deadline is None else min(until, deadline)
        future = self.submit(work, deadline=until)
        late = False

        def give_up() -> None:
            nonlocal late
            late = future.cancel()

        alarm = loop.call_at(until, give_up)
        running = asyncio.wrap_future(future)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            if late and not _cancelled():
                raise self._late() from None
            if not future.cancel():
                await asyncio.wait([running])
                if not running.cancelled():
                    running.exception()  # taken, so that asyncio does not report it as lost
            raise
        finally:
            alarm.cancel()

    def submit(self, work: Callable[[], T], *, deadline: float | None = None) -> Future[T]:
        """Queue a call, from any thread; raise Overloaded if too many wait.

        The future raises Overloaded if its turn comes after the deadline, a time of
        ``time.monotonic``, which is the clock of the event loop too.
        """
        until = time.monotonic() + self._deadline_s
        until = until if deadline is None else min(until, deadline)

        def begin() -> T:
            if time.monotonic() > until:  # nobody waits any longer
                raise self._late()
            return work()

        with self._lock:
            if self._inside >= self._room:
                raise Overloaded(f"{self.waiting} calls wait for {self._name} already; try again")
            self._inside += 1
        try:
            future = self._pool.submit(begin)
        except BaseException:
            self._ended()
            raise
        future.add_done_callback(self._ended)
        return future

    @property
    def waiting(self) -> int:
        """The number of calls that wait for a thread."""
        return max(0, self._inside - self._threads)

    @property
    def full(self) -> bool:
        """Whether a call would be refused now."""
        return self._inside >= self._room

    def close(self) -> None:
        """Let running calls finish; wait for them."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _ended(self, _: object = None) -> None:
        with self._lock:
            self._inside -= 1

    def _late(self) -> Overloaded:
        return Overloaded(f"waited more than {self._deadline_s:g} s for {self._name}; try again")


class WorkerPools(NamedTuple):
    """The threads of one service, by the kind of work they do."""

    decoding: Workers
    searching: Workers
    dear: Workers  # for searches that would keep the others waiting
    reading: Workers
    writing: Workers
    styling: Workers

    def waiting(self) -> dict[str, int]:
        """Return how many calls wait, by the kind of work."""
        return {kind: pool.waiting for kind, pool in self._asdict().items()}

    def close(self) -> None:
        """Let running calls finish; wait for them."""
        for pool in self:
            pool.close()


async def finish_even_if_cancelled(future: Awaitable[T]) -> T:
    """Return the result of a call in a thread; when cancelled, wait for that call to end first.

    A thread cannot be stopped, and what it works on (an open engine) must outlive it.
    """
    running = asyncio.ensure_future(future)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        if not running.cancelled():
            running.exception()  # taken, so that asyncio does not report it as lost
        raise


def _cancelled() -> bool:
    """Return whether the running task is cancelled, and not only what it waits for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
