"""Server-sent events of a job: its progress, until it ends."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec

from indexer.errors import Overloaded
from service.jobs.record import ACTIVE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from service.jobs.record import Job

_LOOK_S = 0.5
_ALIVE_S = 15.0  # a proxy may close a connection on which nothing is sent for a while
_MOST = 64


class JobEvents:
    """Streams the changes of jobs to clients. All streams end when the service stops."""

    def __init__(self) -> None:
        self._open = 0
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """End all streams, now and later. Called in the thread of the event loop."""
        self._stopping.set()

    def check_room(self) -> None:
        """Raise Overloaded if too many streams are open."""
        if self._open >= _MOST:
            raise Overloaded(f"{_MOST} streams of events are open; poll the job instead")

    async def stream(self, find: Callable[[], Job | None]) -> AsyncIterator[bytes]:
        """Yield an event ``progress`` for each change of a job, and ``end`` as the last.

        The data of an event is the job as JSON. ``find`` returns the job as it is now, or None if
        it was deleted.
        """
        self._open += 1
        try:
            sent, quiet_s = b"", 0.0
            while not self._stopping.is_set():
                job = await asyncio.to_thread(find)
                if job is None:
                    return
                data = msgspec.json.encode(job)
                ended = job.state not in ACTIVE
                if data != sent:
                    name = b"end" if ended else b"progress"
                    yield b"event: %s\ndata: %s\n\n" % (name, data)
                    sent, quiet_s = data, 0.0
                elif quiet_s >= _ALIVE_S:
                    yield b": alive\n\n"
                    quiet_s = 0.0
                if ended:
                    return
                await self._pause()
                quiet_s += _LOOK_S
        finally:
            self._open -= 1

    async def _pause(self) -> None:
        """Wait until the next look, or until the service stops."""
        try:
            async with asyncio.timeout(_LOOK_S):
                await self._stopping.wait()
        except TimeoutError:
            return
