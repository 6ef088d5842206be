"""The folder of a shop: paths, the current generation, and adding and deleting generations.

    shop/
      catalog.lmdb/          the truth
      generations/000007/    vectors.faiss, rows.npy, words.sqlite, contents.npy, classifier.npz,
                             manifest.json
      encoders/              copies of encoder files, see ``indexer.shop.encoderfiles``
      styles/                the shop's own styles, see ``style.stylefolder``
      CURRENT                "000007", replaced by one atomic rename; the lines below name the
                             generations that served before, latest first

A generation is a built index. It is written under a draft name and synced; its manifest is written
last. Then it is renamed to its number, and only then made current. So CURRENT names a complete
generation even after a power failure. A reader of a generation holds a shared lock on its manifest,
and a locked generation is not deleted.
"""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from indexer.durable import sync
from indexer.encoders.base import file_digest
from indexer.errors import IndexCorrupt, IndexNotFound, StoreFull, VitrineError
from indexer.layout import CURRENT, ENCODERS, GENERATIONS, STORE, STYLES
from indexer.regularfile import not_permitted, open_regular, read_regular
from indexer.shop.manifest import MANIFEST, FileRecord, Manifest, read_manifest
from indexer.vectors.backends import BACKENDS, backend_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

logger = logging.getLogger("vitrine.indexer")

_DRAFT = ".CURRENT."
_HISTORY = 20  # most names in CURRENT
_MAX_DIGITS = 12  # of a generation's name
INDEX_AGAIN = "run 'vitrine index' with the catalog again: it encodes no stored picture again"


class ShopFolder:
    """The files of a shop. Every method reads the disk again; ``Shelf`` reads it once."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.store = self.path / STORE
        self.generations = self.path / GENERATIONS
        self.encoders = self.path / ENCODERS
        self.styles = self.path / STYLES
        self.current_file = self.path / CURRENT

    def current(self) -> str:
        """Return the name of the current generation. Raises what ``served`` raises."""
        return self.served()[0]

    def served(self) -> list[str]:
        """Return the names in CURRENT: the serving generation, then earlier ones, latest first.

        Earlier ones may have been deleted since. Raises IndexNotFound if nothing was built;
        IndexCorrupt if CURRENT is damaged, or missing although there are generations.
        """
        try:
            text = read_regular(self.current_file).decode("ascii").strip()
        except (FileNotFoundError, NotADirectoryError):
            if self.names():
                raise self._damaged_current("is missing") from None
            what = "no index" if self.path.is_dir() else "no such folder and so no index"
            raise IndexNotFound(
                f"{self.path}: {what}; build one with 'vitrine index CATALOG --shop {self.path}'"
            ) from None
        except PermissionError:
            raise IndexCorrupt(not_permitted(self.current_file)) from None
        except (OSError, UnicodeDecodeError) as error:
            raise self._damaged_current(f"cannot be read: {error}") from error
        names = text.split("\n")
        if not all(name.isdigit() and len(name) <= _MAX_DIGITS for name in names):
            raise self._damaged_current(f"holds {text[:40]!r}, not a generation's name")
        return names

    def names(self) -> list[str]:
        """Return the complete generations on disk, oldest first. Raises IndexCorrupt."""
        if not self.generations.is_dir():
            return []
        try:
            entries = list(self.generations.iterdir())
        except PermissionError:
            raise IndexCorrupt(not_permitted(self.generations)) from None
        return sorted(
            entry.name for entry in entries if entry.name.isdigit() and (entry / MANIFEST).is_file()
        )

    def check_built(self) -> None:
        """Raise IndexNotFound if nothing was built, IndexCorrupt if all generations are gone."""
        if not self.names():
            self.served()

    def manifest(self, name: str) -> Manifest:
        """Read a generation's manifest. Raises IndexNotFound, IndexCorrupt or IndexMismatch."""
        try:
            return read_manifest(self.generations / name / MANIFEST)
        except FileNotFoundError:
            raise self.no_generation(name) from None

    def no_generation(self, name: str) -> IndexNotFound:
        """Return the error for a generation that does not exist."""
        way_out = f"; 'vitrine generations --shop {self.path}' lists what there is"
        if not self.names():
            way_out = f", nor another; {INDEX_AGAIN}"
        return IndexNotFound(f"{self.path} has no generation {name}{way_out}")

    def verify(self, name: str) -> Manifest:
        """Read the manifest of a generation and check all its files; see ``check_files``."""
        manifest = self.manifest(name)
        self.check_files(name, manifest)
        return manifest

    def check_files(self, name: str, manifest: Manifest) -> None:
        """Check the size and SHA-256 of every file; IndexCorrupt names the first that differs.

        Call this before the files are parsed.
        """
        for file, expected in manifest.files.items():
            path = self.generations / name / file
            try:
                size = path.stat().st_size
                found = file_digest(path) if size == expected.bytes else ""
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
        """Protect a generation from deletion within the block. Raises IndexNotFound if it is gone.

        The lock belongs to the open file, so it also ends when the process is killed.
        """
        path = self.generations / name / MANIFEST
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        except (FileNotFoundError, NotADirectoryError):
            raise self.no_generation(name) from None
        except PermissionError:
            raise IndexCorrupt(not_permitted(path)) from None
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
        """Return True if any process holds a generation."""
        with suppress(OSError), open_regular(self.generations / name / MANIFEST) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def add(self, manifest: Manifest, write: Callable[[Path], None]) -> str:
        """Write a new generation and return its name; CURRENT is not changed.

        ``write`` writes the files to the folder that it is given. If anything fails, the incomplete
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
                files[path.name] = FileRecord(file_digest(path), path.stat().st_size)
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
        """Make a complete generation current by one atomic rename.

        ``after`` lists the generations that served before it, latest first; the default is the
        present content of CURRENT.
        """
        manifest = self.manifest(name)
        if after is None:
            try:
                after = self.served()
            except (IndexNotFound, IndexCorrupt):
                after = []
        lines = [name, *(earlier for earlier in after if earlier != name)][:_HISTORY]
        draft = self.path / f"{_DRAFT}{os.getpid()}.{threading.get_ident()}"
        try:
            with draft.open("w", encoding="ascii") as file:
                fcntl.flock(file, fcntl.LOCK_EX)  # so that ``delete_drafts`` elsewhere leaves it
                file.write("\n".join(lines) + "\n")
                file.flush()
                os.fsync(file.fileno())
                draft.replace(self.current_file)
            sync(self.path)
        except OSError as error:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
            raise StoreFull(f"cannot move CURRENT in {self.path} to {name}: {error}") from error
        try:
            backend_of(manifest.contract).announce(self.generations / name, self.path)
        except VitrineError as error:  # CURRENT decides what serves; the note is for others
            logger.warning("generation %s serves, but was not announced: %s", name, error)

    def delete_drafts(self) -> None:
        """Delete incomplete files and generations. The caller must hold the shop's job lock."""
        for draft in self.path.glob(f"{_DRAFT}*"):
            with suppress(OSError), draft.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # fails if it is being written
                draft.unlink()
        if self.generations.is_dir():
            for entry in self.generations.iterdir():
                if entry.name.startswith("."):
                    _delete(entry)

    def delete(self, name: str) -> bool:
        """Delete a generation; return False and do nothing if it is current or held."""
        folder = self.generations / name
        try:
            descriptor = os.open(folder / MANIFEST, os.O_RDONLY | os.O_NONBLOCK)
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Read while locked: ``promote`` holds a generation until it is current.
            with suppress(IndexNotFound):
                if self.current() == name:
                    return False
            gone = folder.with_name(f".{name}.gone")
            folder.rename(gone)  # so that an interrupted deletion does not look like damage
        except (OSError, IndexCorrupt):
            return False
        finally:
            os.close(descriptor)
        _delete(gone)
        return True

    def _damaged_current(self, what: str) -> IndexCorrupt:
        way_out = f"'vitrine rebuild --shop {self.path}' writes it again"
        return IndexCorrupt(f"{self.current_file} {what}; {way_out}")

    def _next_name(self) -> str:
        used = [0]
        with suppress(IndexNotFound, IndexCorrupt):
            used += map(int, self.served())  # names are never reused
        if self.generations.is_dir():
            used += [
                int(entry.name) for entry in self.generations.iterdir() if entry.name.isdigit()
            ]
        return f"{max(used) + 1:06d}"


def _delete(folder: Path) -> None:
    """Delete the folder of a generation, and data that its backend keeps elsewhere."""
    # Of all backends, because an incomplete generation has no manifest that names its own.
    for backend in BACKENDS.values():
        try:
            with suppress(OSError):
                backend.drop(folder)
        except VitrineError as error:  # the folder names what is left, for the next job
            logger.warning("%s is deleted later: %s", folder, error)
            return
    shutil.rmtree(folder, ignore_errors=True)
