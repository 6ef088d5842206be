"""Open files that may have been replaced by a pipe, which may never answer, or a device."""

from __future__ import annotations

import os
import stat
from io import BufferedReader
from pathlib import Path

__all__ = ["open_regular"]


def open_regular(path: Path, *, links: bool = True) -> BufferedReader:
    """Open a file for reading. Raises OSError for anything else: reading a pipe may never end.

    A link to a file is followed, but refused without ``links``.
    """
    # Without O_NONBLOCK, opening a pipe waits for a process that writes to it.
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(path, flags if links else flags | os.O_NOFOLLOW)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError("a pipe, a device or a folder, not a regular file")
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise
