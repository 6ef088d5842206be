"""A folder of images as a catalog: every file is an item."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from indexer.catalog.item_parser import Broken
from indexer.errors import BadCatalog
from indexer.layout import PARTS, STORE

if TYPE_CHECKING:
    from indexer.catalog.item_parser import Numbered


def folder_records(path: Path) -> Iterator[Numbered]:
    """Every file that is not hidden, in name order; content decides later what is an image.

    Not those of a shop that lies in the folder: they change with every build, and opening and
    closing LMDB's lock file would take the locks from this process.
    """
    found = _walked(path)
    shops = [file.parent for file in found if file.name == STORE]
    parts = {shop / name for shop in shops for name in PARTS}
    for file in sorted(found):
        relative = file.relative_to(path)
        if any(part.startswith(".") for part in relative.parts):
            continue
        if parts and not parts.isdisjoint([file, *file.parents]):
            continue
        where = str(relative).encode("utf-8", "replace").decode()
        if where != str(relative):
            yield where, Broken("its name is not UTF-8; rename it", {})
            continue
        fault = found[file]
        if fault is not None:
            yield where, Broken(fault, {"id": f"{relative.as_posix()}/"})
            continue
        if file.name == STORE:
            continue
        yield (
            where,
            {
                "id": relative.as_posix(),
                "title": file.stem.replace("_", " ").replace("-", " "),
                "categories": [parent] if (parent := relative.parent.as_posix()) != "." else [],
                "images": [relative.as_posix()],
            },
        )


def _walked(root: Path) -> dict[Path, str | None]:
    """The files below a folder, and the folders and links whose files cannot be seen, with why.

    Stores of shops are there, too. Links to folders are not followed. BadCatalog when the folder
    itself cannot be read.
    """
    found: dict[Path, str | None] = {}

    def unreadable(error: OSError) -> None:
        if Path(error.filename) == root:
            raise BadCatalog(f"cannot read {root}: {error.strerror or error}") from error
        found[Path(error.filename)] = f"a folder that cannot be read: {error.strerror or error}"

    for name, folders, files in os.walk(root, onerror=unreadable):
        folder = Path(name)
        found |= {folder / one: None for one in folders if one == STORE}
        if not folders and not files and folder != root:
            found[folder] = "an empty folder: is its disk mounted?"
        for file in files:
            try:
                mode = (folder / file).stat().st_mode
            except OSError as error:
                found[folder / file] = f"cannot be read: {error.strerror or error}"
                continue
            if stat.S_ISREG(mode):
                found[folder / file] = None
    return found
