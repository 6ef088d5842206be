"""The number of threads for each kind of work: decoding, encoding, searching, writing."""

from __future__ import annotations

import os


class ThreadBudget:
    """The most threads that decode, encode, search or write at once; default: all cores."""

    def __init__(self, limit: int | None = None) -> None:
        self.limit = limit
        """The limit set by the operator, or None."""

    @property
    def count(self) -> int:
        """The number of threads: the limit, or else the cores that this process may use."""
        if self.limit is not None:
            return self.limit
        if hasattr(os, "sched_getaffinity"):
            return len(os.sched_getaffinity(0))
        return os.cpu_count() or 1


THREADS = ThreadBudget()
"""The budget of this process. The service and the command line set its limit."""
