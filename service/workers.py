"""A few threads with a short, bounded queue before them."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from indexer.errors import Overloaded

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")


class Workers:
    """Runs plain functions in threads, in the order they came.

    At most ``queue`` calls wait, and none longer than ``deadline_s``: beyond either the call
    raises Overloaded instead of making everybody late.
    """

    def __init__(self, threads: int, *, queue: int, deadline_s: float, name: str) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=f"vitrine-{name}")
        self._free = asyncio.Semaphore(threads)
        self._queue = queue
        self._deadline_s = deadline_s
        self._name = name
        self._waiting = 0

    async def run(self, work: Callable[[], T], *, deadline: float | None = None) -> T:
        """The result of ``work``. ``deadline`` is a time of the event loop's clock."""
        await self._enter(deadline)
        try:
            return await settled(asyncio.get_running_loop().run_in_executor(self._pool, work))
        finally:
            self._free.release()

    async def _enter(self, deadline: float | None) -> None:
        if not self._free.locked():
            await self._free.acquire()
            return
        if self._waiting >= self._queue:
            raise Overloaded(f"{self._waiting} calls wait for {self._name} already; try again")
        until = asyncio.get_running_loop().time() + self._deadline_s
        self._waiting += 1
        try:
            async with asyncio.timeout_at(until if deadline is None else min(until, deadline)):
                await self._free.acquire()
        except TimeoutError:
            raise Overloaded(
                f"waited more than {self._deadline_s:g} s for {self._name}; try again"
            ) from None
        finally:
            self._waiting -= 1

    @property
    def waiting(self) -> int:
        """How many calls wait for a thread."""
        return self._waiting

    def close(self) -> None:
        """Let running calls finish; wait for them."""
        self._pool.shutdown(wait=True, cancel_futures=True)


async def settled(future: Awaitable[T]) -> T:
    """The result of a call in a thread; when cancelled, not before that call has ended.

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
