"""Generations: built indexes side by side, one of them current.

    shop/
      catalog.lmdb/          the truth
      generations/000007/    vectors.faiss, rows.npy, words.sqlite, manifest.json
      CURRENT                "000007", replaced by one atomic rename

A generation is written under a name of its own, synced, described by its manifest (last),
renamed to its number, and only then made current. Whatever moment the power fails, CURRENT
names a complete generation.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from indexer.errors import IndexCorrupt, IndexMismatch, IndexNotFound, StoreFull

if TYPE_CHECKING:
    from collections.abc import Callable

FORMAT = 1
KEEP = 3  # generations on disk after a build: the current one and what one may roll back to
VECTORS, ROWS, WORDS, MANIFEST = "vectors.faiss", "rows.npy", "words.sqlite", "manifest.json"
_DRAFT = ".CURRENT."


class FileRecord(msgspec.Struct, frozen=True):
    """What a file of a generation must be."""

    sha256: str
    bytes: int


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a generation holds, and what it was made from and with.

    ``next_row`` is the LMDB high-water mark: rows from there on are not in this index.
    ``changes`` is the number of the last change of the catalog that it knows of.
    ``skipped`` counts the rows and images of the catalog that were left out. ``seal`` is the
    SHA-256 of all the other fields: a manifest that was changed does not pass for one.
    """

    format: int
    created: str
    version: str
    encoder: str
    weights_hash: str
    dim: int
    recipe: str
    items: int
    products: int
    rows: int
    next_row: int
    skipped: int
    changes: int
    catalog: str = ""
    files: dict[str, FileRecord] = {}
    seal: str = ""


class ShopFolder:
    """Where the parts of a shop lie on disk."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.store = self.path / "catalog.lmdb"
        self.generations = self.path / "generations"
        self.current_file = self.path / "CURRENT"

    def current(self) -> str:
        """The name of the serving generation. IndexNotFound, with the way out, when none is."""
        try:
            name = self.current_file.read_text(encoding="ascii").strip()
        except (FileNotFoundError, NotADirectoryError):
            what = "no index" if self.path.is_dir() else "no such folder and so no index"
            raise IndexNotFound(
                f"{self.path}: {what}; build one with 'vitrine index CATALOG --shop {self.path}'"
            ) from None
        except (OSError, UnicodeDecodeError) as error:
            raise IndexCorrupt(f"cannot read {self.current_file}: {error}") from error
        if not (name.isascii() and name.isdigit()):
            raise IndexCorrupt(f"{self.current_file} holds {name[:40]!r}, not a generation's name")
        return name

    def names(self) -> list[str]:
        """The complete generations on disk, oldest first."""
        if not self.generations.is_dir():
            return []
        return sorted(
            entry.name
            for entry in self.generations.iterdir()
            if entry.name.isdigit() and (entry / MANIFEST).is_file()
        )

    def manifest(self, name: str) -> Manifest:
        """The manifest of a generation. IndexNotFound, IndexCorrupt or IndexMismatch."""
        path = self.generations / name / MANIFEST
        try:
            fields = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
        except FileNotFoundError:
            raise IndexNotFound(f"{self.path} has no generation {name}") from None
        except (OSError, ValueError) as error:  # also bytes that are no UTF-8
            raise IndexCorrupt(f"{path} cannot be read: {error}") from error
        if fields.get("seal") != _seal(fields):
            raise IndexCorrupt(
                f"{path} was changed after it was written; run 'vitrine index' again"
            )
        if fields.get("format") != FORMAT:
            raise IndexMismatch(
                f"{path} is of format {fields.get('format')}, this version reads format {FORMAT}"
            )
        try:
            return msgspec.convert(fields, Manifest)
        except msgspec.ValidationError as error:
            raise IndexCorrupt(f"{path} cannot be read: {error}") from error

    def standing(self) -> tuple[str, Manifest] | None:
        """The current generation and its manifest; where it cannot be told, the newest legible.

        None when there is neither: nothing was built here, or nothing of it can be read.
        """
        try:
            names = [self.current()]
        except (IndexNotFound, IndexCorrupt):
            names = []
        for name in [*names, *reversed(self.names())]:
            with suppress(IndexNotFound, IndexCorrupt):
                return name, self.manifest(name)
        return None

    def verify(self, name: str) -> Manifest:
        """Check the size and SHA-256 of every file; IndexCorrupt names the first that differs.

        Done before any of them is read by anything but a hash function.
        """
        manifest = self.manifest(name)
        for file, expected in manifest.files.items():
            path = self.generations / name / file
            try:
                size = path.stat().st_size
                found = _sha256(path) if size == expected.bytes else ""
            except OSError as error:
                raise IndexCorrupt(f"{path} is missing: {error.strerror or error}") from error
            if size != expected.bytes:
                raise IndexCorrupt(f"{path} has {size} bytes, its manifest says {expected.bytes}")
            if found != expected.sha256:
                raise IndexCorrupt(
                    f"{path} does not match the checksum in its manifest; it was changed or the "
                    "disk is failing. Run 'vitrine index' again"
                )
        return manifest

    def publish(self, manifest: Manifest, write: Callable[[Path], None]) -> str:
        """Write a generation beside the others, then make it the current one; returns its name.

        ``write`` puts the files into the folder it is given. If anything fails before the
        last rename, the old generation stays current and the half-written one is removed.
        """
        name = self._next_name()
        draft = self.generations / f".{name}.{os.getpid()}.{threading.get_ident()}"
        try:
            draft.mkdir(parents=True)
            write(draft)
            files = {}
            for path in sorted(draft.iterdir()):
                sync(path)
                files[path.name] = FileRecord(_sha256(path), path.stat().st_size)
            complete = msgspec.structs.replace(manifest, files=files)
            sealed = msgspec.structs.replace(complete, seal=_seal(msgspec.to_builtins(complete)))
            text = msgspec.json.format(msgspec.json.encode(sealed), indent=2)
            (draft / MANIFEST).write_bytes(text + b"\n")
            sync(draft / MANIFEST)
            sync(draft)
            draft.rename(self.generations / name)
            sync(self.generations)
        except OSError as error:
            shutil.rmtree(draft, ignore_errors=True)
            raise StoreFull(f"cannot write generation {name} in {self.path}: {error}") from error
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
        self.make_current(name)
        return name

    def make_current(self, name: str) -> None:
        """Move CURRENT to a complete generation by one atomic rename."""
        self.manifest(name)
        draft = self.path / f"{_DRAFT}{os.getpid()}"
        try:
            draft.write_text(name + "\n", encoding="ascii")
            sync(draft)
            draft.replace(self.current_file)
            sync(self.path)
        except OSError as error:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
            raise StoreFull(f"cannot move CURRENT in {self.path} to {name}: {error}") from error

    def tidy(self, keep: int = KEEP) -> list[str]:
        """Remove what was half written and all but the ``keep`` newest; returns their names.

        The current one always stays. Call it with the shop's job lock held.
        """
        for draft in self.path.glob(f"{_DRAFT}*"):
            draft.unlink(missing_ok=True)
        if not self.generations.is_dir():
            return []
        drafts = [e for e in self.generations.iterdir() if e.name.startswith(".")]
        old = self.names()[:-keep]
        with suppress(IndexNotFound):
            old = [name for name in old if name != self.current()]
        for path in [*drafts, *(self.generations / name for name in old)]:
            shutil.rmtree(path, ignore_errors=True)
        return old

    def _next_name(self) -> str:
        taken = [0]
        if self.generations.is_dir():
            taken += [int(one.name) for one in self.generations.iterdir() if one.name.isdigit()]
        return f"{max(taken) + 1:06d}"


def now() -> str:
    """The time as RFC 3339, in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def sync(path: Path) -> None:
    """Wait until a file or folder is on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _seal(fields: dict[str, Any]) -> str:
    rest = {name: value for name, value in fields.items() if name != "seal"}
    return hashlib.sha256(msgspec.json.encode(rest, order="sorted")).hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
