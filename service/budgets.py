"""Set the thread budget of this process."""

from __future__ import annotations

from indexer.threads import THREADS
from style.strips import STRIP_THREADS


def limit_threads(limit: int | None) -> None:
    """Use at most ``limit`` threads for each kind of work; None is all cores.

    Bounds decoding, encoding, searching, writing and styling. An encoder takes the limit when it is
    loaded, so call this first.
    """
    THREADS.limit = STRIP_THREADS.limit = limit
