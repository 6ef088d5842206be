"""Find the events of a shop on disk: in a folder, or in the subfolder of a compaction.

``current`` names the subfolder that is in use; without it, the environment is in the folder itself.
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Final

from indexer.durable import sync
from indexer.errors import IndexCorrupt, IndexNotFound
from indexer.regularfile import read_regular
from indexer.store.environment import DATA_FILE, Environment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_POINTER: Final = "current"
_LOCK_FILE: Final = "lock.mdb"


def current_place(folder: Path) -> Path:
    """Return the path of the environment in use. Raises IndexCorrupt for a damaged pointer."""
    try:
        name = read_regular(folder / _POINTER).decode("ascii").strip()
    except FileNotFoundError:
        return folder
    except (OSError, UnicodeDecodeError) as error:
        raise IndexCorrupt(f"{folder / _POINTER} cannot be read: {error}") from None
    if not name.isdigit():
        raise IndexCorrupt(f"{folder / _POINTER} is damaged; it must name a subfolder")
    return folder / name


def open_environment(
    folder: Path, databases: Sequence[str], *, create: bool, advice: str
) -> Environment:
    """Open the environment in use, as ``Environment`` does. A compaction may end meanwhile."""
    while True:
        place = current_place(folder)
        try:
            opened = Environment(place, databases, create=create and place == folder, advice=advice)
        except IndexNotFound:
            if current_place(folder) == place:
                raise
            continue
        if current_place(folder) == place:
            return opened
        opened.close()


def next_place(folder: Path) -> Path:
    """Return the path of a new subfolder, which does not exist yet."""
    used = [int(entry.name) for entry in folder.iterdir() if entry.name.isdigit()]
    return folder / str(max(used, default=0) + 1)


def publish_place(folder: Path, place: Path) -> None:
    """Put a subfolder into use, and delete all others and the files of the folder itself."""
    draft = folder / f".{_POINTER}"
    with draft.open("w", encoding="ascii") as file:
        file.write(place.name + "\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(folder / _POINTER)
    sync(folder)
    for name in (DATA_FILE, _LOCK_FILE):
        (folder / name).unlink(missing_ok=True)
    for entry in folder.iterdir():
        if entry.name.isdigit() and entry != place:
            shutil.rmtree(entry)
    sync(folder)
