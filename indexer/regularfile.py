"""Open and read the files of a shop, whatever has been put in their place."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from style.regularfile import open_regular

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["not_permitted", "open_regular", "read_regular"]


def read_regular(path: Path, most_bytes: int = 1 << 20) -> bytes:
    """Return the bytes of a file. Raises OSError as ``open_regular`` does, or if it is too long."""
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > most_bytes or len(data := file.read(most_bytes + 1)) > most_bytes:
            raise OSError(f"{size} bytes; expected at most {most_bytes}")
    return data


def not_permitted(path: Path) -> str:
    """Return the message for a file that is there, but that this user may not read."""
    return (
        f"{path} cannot be read by this user; run as the owner of the shop's folder, or give all "
        "of it to this user with 'chown -R'"
    )
