"""The styles of a folder that changes while a process runs."""

from __future__ import annotations

import threading
from collections.abc import Callable

from style.registry import StyleRegistry
from style.stylefolder import FileState, StyleFolder

__all__ = ["RegistryCache"]


class RegistryCache:
    """Reads a registry again when the files of its folder have changed. Thread-safe."""

    def __init__(self, folder: StyleFolder, read: Callable[[], StyleRegistry]) -> None:
        self._folder, self._read = folder, read
        self._lock = threading.Lock()
        self._read_at: list[FileState] = []
        self._registry: StyleRegistry | None = None

    def current(self) -> StyleRegistry:
        """Return the present styles; the same object until a file changes. Raises BadStyleFile."""
        with self._lock:
            # Listed before it is read: a file that changes in between is read again next time.
            files = self._folder.files()
            if self._registry is None or files != self._read_at:
                self._registry = self._read()
                self._read_at = files
            return self._registry
