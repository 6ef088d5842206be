"""A memory budget for decoding, shared by all threads of the process."""

from __future__ import annotations

import contextlib
import ctypes
import threading
import time
from collections import deque
from collections.abc import Iterator
from functools import cache

from indexer.errors import BadImage, Overloaded

DEFAULT_MB: float = 1000
"""A picture of 64 megapixels takes 250 to 950 MB, depending on its format; a phone photo 20 MB."""

SETTING = "VITRINE_MAX_DECODE_MB"

_SMALL = 16  # a picture that needs under 1/16 of the budget does not queue behind a large one
_LARGE = 32e6  # bytes; larger allocations are returned to the system at once


class DecodeBudget:
    """A semaphore over bytes: a decoder reserves what it will use, and waits until it is free.

    Large pictures are served in the order they came. Small ones go first while there is room.
    ``max_wait_s`` bounds the wait; None, as in a build, waits as long as it takes.
    """

    max_wait_s: float | None = None

    def __init__(self, megabytes: float = DEFAULT_MB) -> None:
        self._megabytes = megabytes
        self._held = 0.0
        self._waiting: deque[object] = deque()
        self._changed = threading.Condition()

    @property
    def megabytes(self) -> float:
        """The budget of all decoders together."""
        return self._megabytes

    @megabytes.setter
    def megabytes(self, megabytes: float) -> None:
        """Change the budget; waiting decoders that need more than the new budget get BadImage."""
        with self._changed:
            self._megabytes = megabytes
            self._changed.notify_all()

    @property
    def held(self) -> float:
        """The bytes reserved now."""
        return self._held

    def check(self, size: float, what: str) -> None:
        """Raise BadImage if ``size`` bytes exceed the budget; ``what`` names the picture."""
        if size > self._megabytes * 1e6:
            raise BadImage(
                f"too large: decoding {what} takes {size / 1e6:.0f} MB, at most "
                f"{self._megabytes:g} MB are allowed; make it smaller or raise {SETTING}"
            )

    @contextlib.contextmanager
    def hold(self, size: float, what: str) -> Iterator[None]:
        """Reserve ``size`` bytes for the ``with`` block; wait until they are free.

        Raises BadImage if they exceed the budget, Overloaded if the wait exceeds ``max_wait_s``.
        After a large picture, freed memory is returned to the system.
        """
        self.check(size, what)
        self._reserve(size, what)
        try:
            yield
        finally:
            with self._changed:
                self._held -= size
                self._changed.notify_all()
            if size > _LARGE:
                give_memory_back()

    def _reserve(self, size: float, what: str) -> None:
        ticket = object()
        longest = self.max_wait_s
        until = None if longest is None else time.monotonic() + longest
        with self._changed:
            small = size * 1e-6 * _SMALL <= self._megabytes
            if not small:
                self._waiting.append(ticket)
            try:
                while not (self._fits(size) and (small or self._waiting[0] is ticket)):
                    self.check(size, what)  # the budget may have become smaller
                    left = None if until is None else until - time.monotonic()
                    if left is not None and left <= 0:
                        raise Overloaded(
                            f"waited more than {longest:g} s for {size / 1e6:.0f} MB to decode "
                            f"{what}: other pictures use the {self._megabytes:g} MB of {SETTING}; "
                            "try again in a moment"
                        )
                    self._changed.wait(left)
                self._held += size
            finally:
                if not small:
                    self._waiting.remove(ticket)
                    self._changed.notify_all()

    def _fits(self, size: float) -> bool:
        return self._held + size <= self._megabytes * 1e6


BUDGET = DecodeBudget()
"""The budget of this process; the service and the command line set its size."""


def give_memory_back() -> None:
    """Return freed memory to the system, if the C library can (glibc)."""
    trim = _malloc_trim()
    if trim is not None:
        trim(0)


@cache
def _malloc_trim() -> ctypes._NamedFuncPointer | None:
    try:
        return ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return None
