"""How many connections each worker has open, so that none takes those of the others."""

from __future__ import annotations

import mmap
import os
import socket
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

_MOST_LEFT = 50  # times that a worker leaves a connection to the others; about a millisecond
_BYTES = 8  # of a number
MOST_WORKERS = 64


class SharedConnections:
    """The connections of each worker, in a file that all workers map."""

    def __init__(self, path: Path, number: int, count: int) -> None:
        """Map the file for the worker ``number`` of ``count``; it has no connections yet."""
        with path.open("r+b") as file:
            mapped = mmap.mmap(file.fileno(), _BYTES * MOST_WORKERS)
        self._counts = memoryview(mapped).cast("Q")[:count]
        self._number = number
        self.set(0)

    def set(self, count: int) -> None:
        """Tell the others how many connections this worker has."""
        self._counts[self._number] = count

    def is_ahead(self) -> bool:
        """Return True if this worker has more connections than another one."""
        return self._counts[self._number] > min(self._counts)


class FairListener(socket.socket):
    """A listening socket that leaves connections to workers that have fewer.

    All workers wait on one socket, and the one that is awake wins: without this, it often got all
    connections of a proxy. A connection that nobody takes is accepted after all.
    """

    def __init__(self, listener: socket.socket, connections: SharedConnections) -> None:
        """Take the place of ``listener``, which is closed."""
        family, kind, protocol = listener.family, listener.type, listener.proto
        super().__init__(family, kind, protocol, fileno=listener.detach())
        self._connections = connections
        self._left = 0

    def listen(self, backlog: int = 0, /) -> None:
        """Do nothing: it listens already.

        asyncio gives the kernel's queue the number of connections that it accepts in one iteration,
        here 1. When a worker starts again, that would shorten the queue of all for a moment.
        """

    def accept(self) -> tuple[socket.socket, Any]:
        """Accept a connection. Raises BlockingIOError if there is none, or it is left to others.

        The event loop then tries again at once, after what else it has to do.
        """
        if self._connections.is_ahead() and self._left < _MOST_LEFT:
            self._left += 1
            os.sched_yield()
            raise BlockingIOError
        self._left = 0
        return super().accept()


def create_counts(path: Path) -> None:
    """Create the file for ``SharedConnections``."""
    path.write_bytes(bytes(_BYTES * MOST_WORKERS))
