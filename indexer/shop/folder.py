"""The folder of a shop: where its parts lie, which generation is current, and removal.

    shop/
      catalog.lmdb/          the truth
      generations/000007/    vectors.faiss, rows.npy, words.sqlite, contents.npy, manifest.json
      encoders/              copies of encoder files, see ``indexer.shop.encoderfiles``
      styles/                the shop's own styles, see ``style.stylefolder``
      CURRENT                "000007", replaced by one atomic rename; the lines below the first
                             name what served before, the latest first

A generation is a built index. It is written under a draft name, synced, described by its
manifest (last), renamed to its number, and only then made current. Whatever moment the power
fails, CURRENT names a complete generation. A reader of a generation holds a shared lock on its
manifest, and no generation is deleted while it is locked.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from indexer.errors import IndexCorrupt, IndexNotFound, StoreFull
from indexer.layout import CURRENT, ENCODERS, GENERATIONS, STORE, STYLES
from indexer.shop.manifest import MANIFEST, FileRecord, Manifest, read_manifest
from indexer.vectors.backends import BACKENDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_DRAFT = ".CURRENT."
_HISTORY = 20  # names that CURRENT remembers
_NAME = 12  # most digits of a name


class ShopFolder:
    """Where the parts of a shop lie on disk. Every method reads the disk anew; see ``Shelf``."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.store = self.path / STORE
        self.generations = self.path / GENERATIONS
        self.encoders = self.path / ENCODERS
        self.styles = self.path / STYLES
        self.current_file = self.path / CURRENT

    def current(self) -> str:
        """Return the name that CURRENT gives. Raises as ``served`` does."""
        return self.served()[0]

    def served(self) -> list[str]:
        """Return what CURRENT lists: the serving generation, then those before it, latest first.

        Earlier ones may have been deleted since. IndexNotFound when nothing was built here,
        IndexCorrupt when CURRENT is damaged, or missing although there are generations.
        """
        try:
            text = self.current_file.read_text(encoding="ascii").strip()
        except (FileNotFoundError, NotADirectoryError):
            if self.names():
                raise self._damaged_current("is gone") from None
            what = "no index" if self.path.is_dir() else "no such folder and so no index"
            raise IndexNotFound(
                f"{self.path}: {what}; build one with 'vitrine index CATALOG --shop {self.path}'"
            ) from None
        except (OSError, UnicodeDecodeError) as error:
            raise self._damaged_current(f"cannot be read: {error}") from error
        names = text.split("\n")
        if not all(name.isdigit() and len(name) <= _NAME for name in names):
            raise self._damaged_current(f"holds {text[:40]!r}, not a generation's name")
        return names

    def names(self) -> list[str]:
        """Return the complete generations on disk, oldest first."""
        if not self.generations.is_dir():
            return []
        return sorted(
            entry.name
            for entry in self.generations.iterdir()
            if entry.name.isdigit() and (entry / MANIFEST).is_file()
        )

    def check_built(self) -> None:
        """Raise IndexNotFound when nothing was built here, IndexCorrupt when nothing is left."""
        if not self.names():
            self.served()

    def manifest(self, name: str) -> Manifest:
        """Read the manifest of a generation. IndexNotFound, IndexCorrupt or IndexMismatch."""
        try:
            return read_manifest(self.generations / name / MANIFEST)
        except FileNotFoundError:
            raise self.no_generation(name) from None

    def no_generation(self, name: str) -> IndexNotFound:
        """Return the error for a generation that does not exist (any more)."""
        listed = f"'vitrine generations --shop {self.path}' lists what there is"
        return IndexNotFound(f"{self.path} has no generation {name}; {listed}")

    def verify(self, name: str) -> Manifest:
        """Read the manifest of a generation and check all its files; see ``check_files``."""
        manifest = self.manifest(name)
        self.check_files(name, manifest)
        return manifest

    def check_files(self, name: str, manifest: Manifest) -> None:
        """Check the size and SHA-256 of every file; IndexCorrupt names the first that differs.

        Do this before anything but a hash function reads them.
        """
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

    @contextmanager
    def hold(self, name: str) -> Iterator[None]:
        """Keep a generation from being deleted for the block. IndexNotFound when it is gone.

        The lock belongs to the open file, so it ends with its process, however that ends.
        """
        path = self.generations / name / MANIFEST
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except (FileNotFoundError, NotADirectoryError):
            raise self.no_generation(name) from None
        except OSError as error:
            raise IndexCorrupt(f"{path} cannot be read: {error.strerror or error}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            if not path.exists():  # deleted while we waited for the lock
                raise self.no_generation(name)
            yield
        finally:
            os.close(descriptor)

    def is_held(self, name: str) -> bool:
        """Return whether any process holds a generation now."""
        with suppress(OSError), (self.generations / name / MANIFEST).open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def add(self, manifest: Manifest, write: Callable[[Path], None]) -> str:
        """Write a generation beside the others and return its name; CURRENT stays as it is.

        ``write`` puts the files into the folder it is given. If anything fails, the half-written
        generation is deleted.
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
            (draft / MANIFEST).write_bytes(manifest.sealed(files).encoded())
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

        ``after`` lists what served before it, the latest first; by default what CURRENT lists
        now.
        """
        self.manifest(name)
        if after is None:
            try:
                after = self.served()
            except (IndexNotFound, IndexCorrupt):
                after = []
        lines = [name, *(earlier for earlier in after if earlier != name)][:_HISTORY]
        draft = self.path / f"{_DRAFT}{os.getpid()}.{threading.get_ident()}"
        try:
            with draft.open("w", encoding="ascii") as file:
                fcntl.flock(file, fcntl.LOCK_EX)  # against ``delete_drafts`` of another process
                file.write("\n".join(lines) + "\n")
                file.flush()
                os.fsync(file.fileno())
                draft.replace(self.current_file)
            sync(self.path)
        except OSError as error:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
            raise StoreFull(f"cannot move CURRENT in {self.path} to {name}: {error}") from error

    def delete_drafts(self) -> None:
        """Delete what was half written. Call it with the shop's job lock held."""
        for draft in self.path.glob(f"{_DRAFT}*"):
            with suppress(OSError), draft.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # fails while it is being written
                draft.unlink()
        if self.generations.is_dir():
            for entry in self.generations.iterdir():
                if entry.name.startswith("."):
                    _delete(entry)

    def delete(self, name: str) -> bool:
        """Delete a generation; return False and do nothing if it is current or held."""
        folder = self.generations / name
        try:
            descriptor = os.open(folder / MANIFEST, os.O_RDONLY)
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Read under the lock: ``promote`` holds the generation until it is current.
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

    def _damaged_current(self, what: str) -> IndexCorrupt:
        way_out = f"'vitrine rebuild --shop {self.path}' writes it anew"
        return IndexCorrupt(f"{self.current_file} {what}; {way_out}")

    def _next_name(self) -> str:
        taken = [0]
        with suppress(IndexNotFound, IndexCorrupt):
            taken += map(int, self.served())  # a name is never used for a second generation
        if self.generations.is_dir():
            taken += [
                int(entry.name) for entry in self.generations.iterdir() if entry.name.isdigit()
            ]
        return f"{max(taken) + 1:06d}"


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


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
