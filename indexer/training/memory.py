"""How the C library treats the memory of a training."""

from __future__ import annotations

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # M_... in glibc's malloc.h
_MOST = 2**31 - 1


def keep_memory() -> None:
    """Have glibc keep what is freed, until the process ends; elsewhere nothing happens.

    It gives large blocks back to the system at once, and the activations of a step are nothing
    else: mapping them anew, page by page, took a tenth to a fifth of every step.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _MOST)
        mallopt(_TRIM_THRESHOLD, _MOST)
        mallopt(_ARENA_MAX, 1)  # heaps of other threads are small, and come and go
