"""A file that an operator or a command may change while the shop is served."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Generic, TypeVar

from indexer.errors import VitrineError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

logger = logging.getLogger("vitrine.search")

T = TypeVar("T")


class WatchedFile(Generic[T]):
    """The content of a file, read again when the file changes. Thread-safe."""

    def __init__(self, path: Path, read: Callable[[Path], T], missing: T) -> None:
        """``read`` raises VitrineError for an invalid file; ``missing`` is used without a file."""
        self._path = path
        self._read = read
        self._missing = missing
        self._last: tuple[tuple[int, int, int], T] | None = None

    def current(self) -> T:
        """Return the content as it is now.

        If the file is invalid or cannot be read, the last valid content holds, and the reason is
        logged.
        """
        try:
            status = self._path.stat()
            version = (status.st_mtime_ns, status.st_size, status.st_ino)
        except FileNotFoundError:
            self._last = None
            return self._missing
        except OSError:
            version = (0, 0, 0)  # reading it finds out why
        last = self._last
        if last is not None and last[0] == version:
            return last[1]
        try:
            found = self._read(self._path)
        except VitrineError as error:
            logger.warning("%s; the last valid content holds", error)
            found = self._missing if last is None else last[1]
        self._last = (version, found)
        return found
