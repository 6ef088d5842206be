"""Process large pictures strip by strip, on all cores, in bounded memory."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from style.arrays import Alpha, Pixels

__all__ = ["STRIP_THREADS", "StripThreads", "blend", "over_strips"]

_PIXELS = 1 << 17  # of a strip, so that its arrays fit the cache of a core


class StripThreads:
    """The thread budget for one picture. ``limit`` is the most threads; None is all cores.

    More than 8 threads are never used.
    """

    def __init__(self) -> None:
        self.limit: int | None = None

    def count(self) -> int:
        """Return the number of threads that one picture may use."""
        return min(self.limit or os.cpu_count() or 1, 8)


STRIP_THREADS = StripThreads()
"""The budget of this process. The application sets its limit at the start."""


def over_strips(
    height: int, width: int, work: Callable[[int, int], None], *, pixels: int = _PIXELS
) -> None:
    """Call ``work(top, bottom)`` for spans of rows that cover the height, on several threads.

    ``work`` must write only to these rows. NumPy and Pillow release the GIL in their loops, so the
    threads run in parallel. The first exception is raised again here.
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
    """Blend two (h, w, 3): alpha 0 gives ``below`` bit for bit, 255 gives ``above`` bit for bit."""
    weight = alpha[..., None].astype(np.uint16)  # (h, w, 1)
    mixed = above * weight + below * (255 - weight) + 127
    return (mixed // 255).astype(np.uint8)
