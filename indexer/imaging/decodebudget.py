"""The memory that decoding may take, shared by all threads of the process."""

from __future__ import annotations

import contextlib
import ctypes
import threading
from collections import deque
from collections.abc import Iterator
from functools import cache

from indexer.errors import BadImage

DEFAULT_MB: float = 1000
"""A picture of 64 megapixels takes 250 to 950 MB, by format; a photo from a phone 20."""

SETTING = "VITRINE_MAX_DECODE_MB"

_SMALL = 16  # times smaller than the budget: such a picture does not wait behind a large one
_LARGE = 32e6  # bytes, from which on memory is given back at once


class DecodeBudget:
    """A semaphore over the bytes of decoders: each takes what it will use, and waits for it.

    Large pictures take turns in the order they came. Small ones go ahead as long as there is room.
    """

    def __init__(self, megabytes: float = DEFAULT_MB) -> None:
        self._megabytes = megabytes
        self._held = 0.0
        self._waiting: deque[object] = deque()
        self._changed = threading.Condition()

    @property
    def megabytes(self) -> float:
        """The most that all decoders together may take."""
        return self._megabytes

    @megabytes.setter
    def megabytes(self, megabytes: float) -> None:
        """Change it; who waits for more than there is now is refused."""
        with self._changed:
            self._megabytes = megabytes
            self._changed.notify_all()

    @property
    def held(self) -> float:
        """The bytes that are taken now."""
        return self._held

    def check(self, size: float, what: str) -> None:
        """Raise BadImage if ``size`` bytes, the need of ``what``, are more than all of it."""
        if size > self._megabytes * 1e6:
            raise BadImage(
                f"too large: decoding {what} takes {size / 1e6:.0f} MB, at most "
                f"{self._megabytes:g} MB are allowed; make it smaller or raise {SETTING}"
            )

    @contextlib.contextmanager
    def hold(self, size: float, what: str) -> Iterator[None]:
        """Hold ``size`` bytes while the ``with`` block lasts; wait until they are free.

        Raises BadImage, as ``check`` does, for what would wait for ever. Memory goes back to the
        system after a large picture.
        """
        self.check(size, what)
        self._take(size, what)
        try:
            yield
        finally:
            with self._changed:
                self._held -= size
                self._changed.notify_all()
            if size > _LARGE:
                give_memory_back()

    def _take(self, size: float, what: str) -> None:
        ticket = object()
        with self._changed:
            small = size * 1e-6 * _SMALL <= self._megabytes
            if not small:
                self._waiting.append(ticket)
            try:
                while not (self._fits(size) and (small or self._waiting[0] is ticket)):
                    self.check(size, what)  # the budget may have become smaller
                    self._changed.wait()
                self._held += size
            finally:
                if not small:
                    self._waiting.remove(ticket)
                    self._changed.notify_all()

    def _fits(self, size: float) -> bool:
        return self._held + size <= self._megabytes * 1e6


BUDGET = DecodeBudget()
"""That of this process. The edge sets its size, as the memory it bounds belongs to the process."""


def give_memory_back() -> None:
    """Hand freed memory back to the system, where the C library can (glibc)."""
    trim = _trim()
    if trim is not None:
        trim(0)


@cache
def _trim() -> ctypes._NamedFuncPointer | None:
    try:
        return ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return None
