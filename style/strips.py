"""Work on large pictures strip by strip, on all cores, in bounded memory."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from style.arrays import Alpha, Pixels

__all__ = ["STRIP_THREADS", "StripThreads", "blend", "over_strips"]

_PIXELS = 1 << 17  # of a strip: its arrays stay in the cache of a core


class StripThreads:
    """The most threads that work on the strips of one picture; None is all cores, at most 8."""

    def __init__(self) -> None:
        self.limit: int | None = None

    def count(self) -> int:
        """Return the number of threads that a picture may take now."""
        return min(self.limit or os.cpu_count() or 1, 8)


STRIP_THREADS = StripThreads()
"""That of this process; whoever starts the process sets its limit."""


def over_strips(
    height: int, width: int, work: Callable[[int, int], None], *, pixels: int = _PIXELS
) -> None:
    """Call ``work(top, bottom)`` for spans of rows that cover the height, on several threads.

    ``work`` must write to rows of its own. NumPy and Pillow release the interpreter lock in their
    loops, so two cores do twice the work. The first exception is raised again here.
    """
    rows = max(1, pixels // max(1, width))
    tops = range(0, height, rows)
    threads = min(len(tops), STRIP_THREADS.count())
    if threads <= 1:
        for top in tops:
            work(top, min(top + rows, height))
        return
    with ThreadPoolExecutor(threads, thread_name_prefix="style") as pool:
        for done in [pool.submit(work, top, min(top + rows, height)) for top in tops]:
            done.result()


def blend(below: Pixels, above: Pixels, alpha: Alpha) -> Pixels:
    """Mix two (h, w, 3): alpha 0 is ``below`` bit for bit, 255 is ``above`` bit for bit."""
    weight = alpha[..., None].astype(np.uint16)  # (h, w, 1)
    mixed = above * weight + below * (255 - weight) + 127
    return (mixed // 255).astype(np.uint8)
