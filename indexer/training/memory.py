"""Settings of the C library's memory allocator for training."""

from __future__ import annotations

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # M_... in glibc's malloc.h
_MOST = 2**31 - 1


def keep_freed_memory() -> None:
    """Make glibc keep freed memory until the process ends. Does nothing on other C libraries.

    By default glibc returns large blocks to the system immediately. The activations of a step are
    such blocks, and mapping them again took 10 to 20 % of each step.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _MOST)
        mallopt(_TRIM_THRESHOLD, _MOST)
        mallopt(_ARENA_MAX, 1)  # arenas of other threads return their memory regardless
