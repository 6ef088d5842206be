"""Read a folder of images as a catalog: every file is an item."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from indexer.catalog.item_parser import BrokenRow
from indexer.errors import BadCatalog
from indexer.layout import PARTS, STORE

if TYPE_CHECKING:
    from indexer.catalog.item_parser import NumberedRow


def folder_records(path: Path) -> Iterator[NumberedRow]:
    """Yield every file that is not hidden, in name order; whether it is an image is decided later.

    The files of a shop inside the folder are skipped: they change with every build, and opening
    and closing LMDB's lock file would drop the locks of this process.
    """
    found = _walk(path)
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
            yield where, BrokenRow("its name is not UTF-8; rename it", {})
            continue
        fault = found[file]
        if fault is not None:
            yield where, BrokenRow(fault, {"id": f"{relative.as_posix()}/"})
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


def _walk(root: Path) -> dict[Path, str | None]:
    """Map every file below a folder to None, and every unreadable folder or link to the reason.

    Shop stores (folders) are included. Links to folders are not followed. Raise BadCatalog if the
    folder itself cannot be read.
    """
    found: dict[Path, str | None] = {}

    def unreadable(error: OSError) -> None:
        if Path(error.filename) == root:
            raise BadCatalog(f"cannot read {root}: {error.strerror or error}") from error
        found[Path(error.filename)] = f"a folder that cannot be read: {error.strerror or error}"

    for name, folders, files in os.walk(root, onerror=unreadable):
        folder = Path(name)
        found |= {folder / child: None for child in folders if child == STORE}
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
