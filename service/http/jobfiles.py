"""The files that jobs read and write: catalogs, and snapshots."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import Meta

from service.http.job_requests import SNAPSHOT_ENDING
from service.timestamp import rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MOST = 1000  # entries of a list
_DEPTH = 3  # folders below the first that are searched
_KINDS = frozenset(
    {".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".json", ".jsonld", ".parquet", ".xlsx", ".xls",
     ".ods", ".xml", ".rss", ".atom"}
)  # fmt: skip


class CatalogFile(msgspec.Struct, frozen=True, kw_only=True):
    """A catalog that a build may read."""

    name: Annotated[str, Meta(description="The field `catalog` of a build.")]
    kind: Literal["file", "folder"]
    bytes: Annotated[int | None, Meta(description="null for a folder.")]
    modified_at: str


class SnapshotFile(msgspec.Struct, frozen=True, kw_only=True):
    """A snapshot, for `vitrine restore`."""

    name: str
    bytes: int
    created_at: str


def catalogs(root: Path) -> list[CatalogFile]:
    """Return the catalog files and folders in a folder and below it, by name, at most 1,000."""
    found = []
    for path in _walk(root, _DEPTH):
        with suppress(OSError):
            is_folder = path.is_dir()
            status = path.stat()
            found.append(
                CatalogFile(
                    name=str(path.relative_to(root)),
                    kind="folder" if is_folder else "file",
                    bytes=None if is_folder else status.st_size,
                    modified_at=rfc3339(status.st_mtime),
                )
            )
        if len(found) == _MOST:
            break
    return sorted(found, key=lambda file: file.name)


def snapshots(root: Path) -> list[SnapshotFile]:
    """Return the snapshots in a folder, newest first."""
    found = []
    for path in root.glob(f"*{SNAPSHOT_ENDING}"):
        with suppress(OSError):
            status = path.stat()
            found.append((status.st_mtime, path.name.removesuffix(SNAPSHOT_ENDING), status.st_size))
    return [
        SnapshotFile(name=name, bytes=size, created_at=rfc3339(at))
        for at, name, size in sorted(found, reverse=True)[:_MOST]
    ]


def _walk(folder: Path, depth: int) -> Iterator[Path]:
    """Yield the catalog files in a folder and below it, and its visible folders; no links."""
    with suppress(OSError):
        for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
            path = folder / entry.name
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield path
                if depth:
                    yield from _walk(path, depth - 1)
            elif entry.is_file(follow_symlinks=False) and path.suffix.lower() in _KINDS:
                yield path
