"""Thread pools with a short, bounded queue."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from indexer.errors import Overloaded
from service.runtime.tracing import current_trace

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from service.runtime.tracing import Trace

T = TypeVar("T")


class Workers:
    """Runs functions in threads, in order of arrival.

    At most ``queue`` calls wait, and none longer than ``deadline_s``; any other call raises
    Overloaded. Calls wait in the queue of the thread pool, so a free thread takes the next one
    without waiting for the event loop.
    """

    def __init__(
        self,
        threads: int,
        *,
        queue: int,
        deadline_s: float,
        name: str,
        waited: Callable[[float], None] = lambda _: None,
    ) -> None:
        """``waited`` is called with the seconds that each call waited for its thread."""
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=f"vitrine-{name}")
        self._room = threads + queue
        self._threads = threads
        self._deadline_s = deadline_s
        self._name = name
        self._waited = waited
        self._lock = threading.Lock()
        self._inside = 0  # calls that wait or run

    async def run(self, work: Callable[[], T], *, deadline: float | None = None) -> T:
        """Return the result of ``work``. ``deadline`` is a time of the event loop's clock.

        If canceled, it returns at once if the call still waits, and otherwise when the call ends:
        a thread cannot be stopped, and the engine that it uses must stay open.
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
                    running.exception()  # read, or asyncio logs that it never was
            raise
        finally:
            alarm.cancel()

    def submit(self, work: Callable[[], T], *, deadline: float | None = None) -> Future[T]:
        """Queue a call, from any thread. Raises Overloaded if too many wait.

        ``deadline`` is a time of ``time.monotonic``, which is also the event loop's clock. The
        future raises Overloaded if the call would begin later.
        """
        submitted = time.monotonic()
        until = submitted + self._deadline_s
        until = until if deadline is None else min(until, deadline)

        def begin() -> T:
            now = time.monotonic()
            if now > until:  # the caller has given up
                raise self._late()
            self._waited(now - submitted)
            return work()

        if (trace := current_trace()) is not None:
            begin = partial(copy_context().run, _traced, trace, submitted, begin)
        with self._lock:
            if self._inside >= self._room:
                raise Overloaded(
                    f"{self.waiting} calls wait for {self._name} already; try again in a moment"
                )
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

    def close(self) -> None:
        """Cancel waiting calls, and wait for running ones."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _ended(self, _: object = None) -> None:
        with self._lock:
            self._inside -= 1

    def _late(self) -> Overloaded:
        return Overloaded(
            f"waited more than {self._deadline_s:g} s for {self._name}; try again in a moment"
        )


class WorkerPools(NamedTuple):
    """The thread pools of a service, by kind of work."""

    decoding: Workers
    searching: Workers
    costly: Workers  # costly searches, which would delay the others
    reading: Workers
    writing: Workers
    events: Workers
    styling: Workers

    def waiting(self) -> dict[str, int]:
        """Return how many calls wait, by kind of work."""
        return {kind: pool.waiting for kind, pool in self._asdict().items()}

    def close(self) -> None:
        """Cancel waiting calls, and wait for running ones."""
        for pool in self:
            pool.close()


def _traced(trace: Trace, submitted: float, begin: Callable[[], T]) -> T:
    """Call ``begin``, and add how long it waited for this thread to a trace."""
    trace.stage("queue", submitted, time.monotonic())
    return begin()


async def finish_even_if_cancelled(future: Awaitable[T]) -> T:
    """Return the result of a call in a thread. If canceled, wait until the call has ended.

    A thread cannot be stopped, and the engine that it uses must stay open. anyio's ``to_thread``
    does not wait after ``Task.cancel``.
    """
    running = asyncio.ensure_future(future)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        if not running.cancelled():
            running.exception()  # read, or asyncio logs that it never was
        raise


def _cancelled() -> bool:
    """Return whether the running task is canceled, not only the future that it awaits."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
