"""Open and read the files of a shop, whatever has been put in their place."""

from __future__ import annotations

import os
import stat
from io import BufferedReader
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def open_regular(path: Path) -> BufferedReader:
    """Open a file for reading. Raises OSError for anything else: reading a pipe may never end.

    A link to a file is followed.
    """
    # Without O_NONBLOCK, opening a pipe waits for a process that writes to it.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError("a pipe, a device or a folder, not a regular file")
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_regular(path: Path, most_bytes: int = 1 << 20) -> bytes:
    """Return the bytes of a file. Raises OSError as ``open_regular`` does, or if it is too long."""
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > most_bytes or len(data := file.read(most_bytes + 1)) > most_bytes:
            raise OSError(f"{size} bytes; expected at most {most_bytes}")
    return data
