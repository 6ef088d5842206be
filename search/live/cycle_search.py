"""Suspend Python's search for unreachable cycles of objects while many objects are made."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def without_cycle_search() -> Iterator[None]:
    """Turn the cyclic garbage collector off, and on again at the end if it was on.

    It visits all objects again and again while their number grows, and finds nothing among the
    items of a shop. It is off for all threads, which costs memory only if they make cycles
    meanwhile.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
