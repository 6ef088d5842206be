"""Generations: built indexes side by side, one of them current.

    shop/
      catalog.lmdb/          the truth
      generations/000007/    vectors.faiss, rows.npy, words.sqlite, contents.npy, manifest.json
      encoders/              copies of encoder files, see ``indexer.shop.encoderfiles``
      CURRENT                "000007", replaced by one atomic rename; the lines below the first
                             name what served before, the latest first

A generation is written under a name of its own, synced, described by its manifest (last),
renamed to its number, and only then made current. Whatever moment the power fails, CURRENT
names a complete generation. Who reads a generation holds a shared lock on its manifest, and
none is removed while somebody does.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import threading
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from indexer.confidence.curve import Calibration
from indexer.vectors.backends import BACKENDS
from indexer.vectors.contract import Contract
from indexer.errors import IndexCorrupt, IndexMismatch, IndexNotFound, StoreFull
from indexer.layout import CURRENT, ENCODERS, GENERATIONS, STORE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FORMAT = 1
KEEP = 3  # generations on disk after a build: the current one and what one may roll back to
WORDS, MANIFEST = "words.sqlite", "manifest.json"
CONTENTS = "contents.npy"  # of the images, (n, 16) uint8 in the order of the rows
_DRAFT = ".CURRENT."
_HISTORY = 20  # names that CURRENT remembers
_NAME = 12  # most digits of a name


class FileRecord(msgspec.Struct, frozen=True):
    """What a file of a generation must be."""

    sha256: str
    bytes: int


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a generation holds, and what it was made from and with.

    ``next_row`` is the LMDB high-water mark: rows from there on are not in this index.
    ``calibration`` makes confidence of scores; the note says why there is none.
    ``contract`` is what its index promises, and was measured to keep.
    ``changes`` is the number of the last change of the catalog that it knows of.
    ``skipped`` counts the rows and images of the catalog that were left out. A ``candidate``
    was built to be looked at before it serves. ``seal`` is the SHA-256 of all the other fields:
    a manifest that was changed does not pass for one.
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
    contract: Contract = Contract()
    calibration: Calibration | None = None
    calibration_note: str = ""
    candidate: bool = False
    files: dict[str, FileRecord] = {}
    seal: str = ""


class ShopFolder:
    """Where the parts of a shop lie on disk."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.store = self.path / STORE
        self.generations = self.path / GENERATIONS
        self.encoders = self.path / ENCODERS
        self.current_file = self.path / CURRENT

    def current(self) -> str:
        """The name of the serving generation. Raises as ``served`` does."""
        return self.served()[0]

    def served(self) -> list[str]:
        """The serving generation and those that served before it, the latest first.

        Earlier ones may have been removed since. IndexNotFound when nothing was built here,
        IndexCorrupt when CURRENT is damaged, or gone from beside its generations.
        """
        try:
            text = self.current_file.read_text(encoding="ascii").strip()
        except (FileNotFoundError, NotADirectoryError):
            if self.names():
                raise self._lost("is gone") from None
            what = "no index" if self.path.is_dir() else "no such folder and so no index"
            raise IndexNotFound(
                f"{self.path}: {what}; build one with 'vitrine index CATALOG --shop {self.path}'"
            ) from None
        except (OSError, UnicodeDecodeError) as error:
            raise self._lost(f"cannot be read: {error}") from error
        names = text.split("\n")
        if not all(name.isdigit() and len(name) <= _NAME for name in names):
            raise self._lost(f"holds {text[:40]!r}, not a generation's name")
        return names

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
            raise self.unknown(name) from None
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

    def unknown(self, name: str) -> IndexNotFound:
        """The error that says that there is no generation of this name, or no more."""
        listed = f"'vitrine generations --shop {self.path}' lists what there is"
        return IndexNotFound(f"{self.path} has no generation {name}; {listed}")

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

    @contextmanager
    def hold(self, name: str) -> Iterator[None]:
        """Keep a generation from being removed for the block. IndexNotFound when it is gone.

        The lock belongs to the open file, so it is gone when its process is, however that ends.
        """
        path = self.generations / name / MANIFEST
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except (FileNotFoundError, NotADirectoryError):
            raise self.unknown(name) from None
        except OSError as error:
            raise IndexCorrupt(f"{path} cannot be read: {error.strerror or error}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            if not path.exists():  # removed while we waited for the lock
                raise self.unknown(name)
            yield
        finally:
            os.close(descriptor)

    def add(self, manifest: Manifest, write: Callable[[Path], None]) -> str:
        """Write a generation beside the others, and leave CURRENT alone; returns its name.

        ``write`` puts the files into the folder it is given. If anything fails, the half-written
        generation is removed.
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
            _delete(draft)
            raise StoreFull(f"cannot write generation {name} in {self.path}: {error}") from error
        except BaseException:
            _delete(draft)
            raise
        return name

    def make_current(self, name: str, *, after: list[str] | None = None) -> None:
        """Move CURRENT to a complete generation by one atomic rename.

        ``after`` names what served before it, the latest first; by default the one that serves
        now and those before that.
        """
        self.manifest(name)
        if after is None:
            try:
                after = self.served()
            except (IndexNotFound, IndexCorrupt):
                after = []
        lines = [name, *(one for one in after if one != name)][:_HISTORY]
        draft = self.path / f"{_DRAFT}{os.getpid()}.{threading.get_ident()}"
        try:
            with draft.open("w", encoding="ascii") as file:
                fcntl.flock(file, fcntl.LOCK_EX)  # from ``tidy`` of another process
                file.write("\n".join(lines) + "\n")
                file.flush()
                os.fsync(file.fileno())
                draft.replace(self.current_file)
            sync(self.path)
        except OSError as error:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
            raise StoreFull(f"cannot move CURRENT in {self.path} to {name}: {error}") from error

    def tidy(self, keep: int = KEEP) -> list[str]:
        """Remove what was half written and all but the ``keep`` newest; returns their names.

        The current one always stays, and so do candidates that have not served yet and what
        somebody reads. Call it with the shop's job lock held.
        """
        for draft in self.path.glob(f"{_DRAFT}*"):
            with suppress(OSError), draft.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # not while it is written
                draft.unlink()
        if not self.generations.is_dir():
            return []
        for entry in self.generations.iterdir():
            if entry.name.startswith("."):
                _delete(entry)
        waiting = {name for name in self.names() if self.is_candidate(name)}
        built = [name for name in self.names() if name not in waiting]
        return [name for name in built[: -keep or None] if self.remove(name)]

    def is_candidate(self, name: str) -> bool:
        """Whether a generation still waits to be promoted or dropped."""
        served: list[str] = []
        with suppress(IndexNotFound, IndexCorrupt):
            served = self.served()
        with suppress(IndexNotFound, IndexCorrupt, IndexMismatch):
            return name not in served and self.manifest(name).candidate
        return False

    def is_read(self, name: str) -> bool:
        """Whether somebody holds a generation now."""
        with suppress(OSError), (self.generations / name / MANIFEST).open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def remove(self, name: str) -> bool:
        """Remove a generation; False, and nothing happens, if it is current or being read."""
        folder = self.generations / name
        try:
            descriptor = os.open(folder / MANIFEST, os.O_RDONLY)
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Looked up under the lock: whoever makes it current holds it meanwhile.
            with suppress(IndexNotFound):
                if self.current() == name:
                    return False
            gone = folder.with_name(f".{name}.gone")
            folder.rename(gone)  # at once: a removal cut short must not look like damage
        except (OSError, IndexCorrupt):
            return False
        finally:
            os.close(descriptor)
        _delete(gone)
        return True

    def _lost(self, what: str) -> IndexCorrupt:
        way_out = f"'vitrine rebuild --shop {self.path}' writes it anew"
        return IndexCorrupt(f"{self.current_file} {what}; {way_out}")

    def _next_name(self) -> str:
        taken = [0]
        with suppress(IndexNotFound, IndexCorrupt):
            taken += map(int, self.served())  # no name stands for two generations
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


def _delete(folder: Path) -> None:
    """Delete the folder of a generation, and what a backend of vectors keeps for it elsewhere."""
    for backend in BACKENDS.values():  # a half-written one has no manifest that names its own
        with suppress(OSError):
            backend.drop(folder)
    shutil.rmtree(folder, ignore_errors=True)


def _seal(fields: dict[str, Any]) -> str:
    rest = {name: value for name, value in fields.items() if name != "seal"}
    return hashlib.sha256(msgspec.json.encode(rest, order="sorted")).hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
