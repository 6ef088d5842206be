"""Keep the memory of a graph in huge pages, so that a search waits less for addresses.

A search of a graph reads a few thousand vectors from all over memory. With pages of 4 KB, nearly
every one of them is on a page whose address the processor no longer knows and must look up; with
pages of 2 MB, it knows a few hundred times as much memory. Linux makes them on request
(``MADV_COLLAPSE``, since 6.1), from memory that is filled already, and the content stays the same.
"""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PAGE = 2 << 20
_MADV_HUGEPAGE, _MADV_COLLAPSE = 14, 25  # of linux/mman.h; Python's mmap only knows the first
_SETTING = Path("/sys/kernel/mm/transparent_hugepage/enabled")


def move_graph(index: Any) -> None:
    """Move the neighbors and the vectors of FAISS's HNSW ``index`` to huge pages, if possible.

    Takes about a second per GB. Searches may run meanwhile.
    """
    import faiss

    for content in (index.hnsw.neighbors, faiss.downcast_index(index.storage).codes):
        move_to_huge_pages(faiss.rev_swig_ptr(content.data(), content.size()))


def move_to_huge_pages(array: NDArray[np.generic]) -> None:
    """Move the memory of a contiguous array to huge pages; do nothing if that is not possible.

    The first and the last part that do not fill a page stay as they are. It is not possible on
    other systems than Linux, before Linux 6.1, and if the administrator turned huge pages off.
    """
    if not allowed() or not array.nbytes:
        return
    start = -(-array.ctypes.data // PAGE) * PAGE
    length = (array.ctypes.data + array.nbytes) // PAGE * PAGE - start
    if length <= 0:
        return
    madvise = ctypes.CDLL(None).madvise
    madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    # A refusal changes nothing but the time of searches. The first call keeps the pages huge.
    madvise(start, length, _MADV_HUGEPAGE)
    madvise(start, length, _MADV_COLLAPSE)


def allowed() -> bool:
    """Return True if this system has huge pages that programs may ask for."""
    if sys.platform != "linux":
        return False
    try:
        return "[never]" not in _SETTING.read_text(encoding="ascii")
    except OSError:
        return False
