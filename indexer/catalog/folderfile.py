"""Read a folder of images, on disk or in an object store: every file is an item."""

from __future__ import annotations

import fnmatch
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath, PurePosixPath
from typing import TYPE_CHECKING, Final

from indexer.catalog.item_parser import BrokenRow
from indexer.errors import BadCatalog, one_line
from indexer.layout import PARTS, STORE
from indexer.objectstore import object_at

if TYPE_CHECKING:
    from indexer.catalog.item_parser import NumberedRow, Record


# What storage boxes and operating systems put beside pictures.
_SYSTEM: Final = frozenset(
    {
        *(
            "@eadir",
            "@recycle",
            "@recently-snapshot",
            "@tmp",
            "#recycle",
            "#snapshot",
            "lost+found",
        ),
        *("$recycle.bin", "recycler", "system volume information", "__macosx", "thumbs.db"),
        *("ehthumbs.db", "desktop.ini", "network trash folder", "temporary items", "_gsdata_"),
    }
)


def folder_records(path: Path, exclude: Sequence[str] = ()) -> Iterator[NumberedRow]:
    """Yield every file that is not hidden, in name order; some may not be images.

    Files and folders that storage boxes and operating systems make, such as ``@eaDir`` and
    ``Thumbs.db``, are skipped. So are those whose name or path matches a pattern of ``exclude``.

    The files of a shop inside the folder are skipped too: they change with every build, and opening
    and closing LMDB's lock file would drop the locks of this process.
    """
    found = _walk(path, exclude)
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
        yield where, _record(relative)


def object_names(url: str, exclude: Sequence[str] = ()) -> list[str]:
    """List the files of a folder in an object store, in name order, relative to the folder.

    Those that ``folder_records`` skips by their names are left out. Raises BadCatalog if the store
    does not answer, or has none.
    """
    store, folder = object_at(url)
    try:
        found = sorted(store.find(folder))
    except Exception as error:  # each object store has errors of its own
        raise BadCatalog(f"{url}: {one_line(error)}") from error
    names = [PurePosixPath(name).relative_to(folder) for name in found]
    wanted = [str(name) for name in names if not _is_left_out(name, exclude)]
    if not wanted:
        raise BadCatalog(f"{url}: no such folder, or only hidden and excluded files in it")
    return wanted


def object_records(names: Sequence[str]) -> Iterator[NumberedRow]:
    """Yield the record of each file that ``object_names`` lists."""
    for name in names:
        yield name, _record(PurePosixPath(name))


def _record(path: PurePath) -> Record:
    name, folder = path.as_posix(), path.parent.as_posix()
    return {
        "id": name,
        "title": _title(path),
        "categories": [folder] if folder != "." else [],
        "images": [name],
    }


def _title(path: PurePath) -> str:
    """Return the words of a file's name, after those of its folder if it has no letters itself."""
    name = path.stem
    if not any(letter.isalpha() for letter in name):
        name = f"{path.parent.name} {name}".strip()
    return name.replace("_", " ").replace("-", " ")


def _walk(root: Path, exclude: Sequence[str]) -> dict[Path, str | None]:
    """Map every file below a folder to None, and every unreadable folder or link to the reason.

    Shop stores (folders) are included. Links to folders are not followed. Raises BadCatalog if the
    folder itself cannot be read.
    """
    found: dict[Path, str | None] = {}

    def unreadable(error: OSError) -> None:
        if Path(error.filename) == root:
            raise BadCatalog(f"cannot read {root}: {error.strerror or error}") from error
        found[Path(error.filename)] = f"a folder that cannot be read: {error.strerror or error}"

    for name, folders, files in os.walk(root, onerror=unreadable):
        folder = Path(name)
        is_empty = not folders and not files
        inside = folder.relative_to(root)
        folders[:] = [child for child in folders if not _is_excluded(inside / child, exclude)]
        files = [child for child in files if not _is_excluded(inside / child, exclude)]
        found |= {folder / child: None for child in folders if child == STORE}
        if is_empty and folder != root:
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


def _is_left_out(path: PurePath, exclude: Sequence[str]) -> bool:
    """Return True if a file, or a folder on the way to it, is hidden or excluded."""
    return any(part.startswith(".") for part in path.parts) or any(
        _is_excluded(place, exclude) for place in (path, *path.parents) if place.name
    )


def _is_excluded(path: PurePath, exclude: Sequence[str]) -> bool:
    """Return True if a file or folder, by its path below the root, is excluded."""
    if path.name.casefold() in _SYSTEM:
        return True
    return any(
        fnmatch.fnmatchcase(path.name, pattern.rstrip("/"))
        or fnmatch.fnmatchcase(path.as_posix(), pattern.rstrip("/"))
        for pattern in exclude
    )
