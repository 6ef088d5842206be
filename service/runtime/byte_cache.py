"""A cache that is bounded in bytes, and drops the least recently used values."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class ByteCache(Generic[K, V]):
    """Keeps values by key, in at most ``max_bytes`` together. Thread-safe."""

    def __init__(self, max_bytes: float, size_of: Callable[[V], int]) -> None:
        """``max_bytes`` of 0 keeps nothing; ``size_of`` returns the bytes that a value takes."""
        self.max_bytes = max_bytes
        self._size_of = size_of
        self._values: OrderedDict[K, V] = OrderedDict()
        self._lock = threading.Lock()
        self._bytes = 0

    @property
    def bytes_used(self) -> int:
        """The bytes that all values take."""
        return self._bytes

    def get(self, key: K) -> V | None:
        """Return the value of a key, or None if it is not kept."""
        with self._lock:
            value = self._values.get(key)
            if value is not None:
                self._values.move_to_end(key)
            return value

    def put(self, key: K, value: V) -> None:
        """Keep a value, in place of that of the same key."""
        with self._lock:
            replaced = self._values.pop(key, None)
            self._values[key] = value
            self._bytes += self._size_of(value)
            self._bytes -= 0 if replaced is None else self._size_of(replaced)
            while self._bytes > self.max_bytes:
                _, dropped = self._values.popitem(last=False)
                self._bytes -= self._size_of(dropped)
