"""How many threads the process may use for one kind of work: decoding, encoding, searching."""

from __future__ import annotations

import os


class ThreadBudget:
    """The most threads that decode, encode, search or write at once; by default all cores."""

    def __init__(self, limit: int | None = None) -> None:
        self.limit = limit
        """What the operator has set, None if nothing."""

    @property
    def count(self) -> int:
        """The number of threads: the limit, or the cores that this process may run on."""
        if self.limit is not None:
            return self.limit
        if hasattr(os, "sched_getaffinity"):
            return len(os.sched_getaffinity(0))
        return os.cpu_count() or 1


THREADS = ThreadBudget()
"""That of this process. The edge sets its limit, as cores belong to the process."""
