"""Sealed archives: an uncompressed ZIP that ends in the SHA-256 of everything before it.

Any ZIP tool can list and unpack one. An archive is written as a stream, in one pass. It is hashed
and compared with its seal before it is parsed, so a file that was truncated or changed anywhere,
including padding and headers, is refused.
"""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from indexer.durable import draft_of
from indexer.errors import IndexCorrupt, IndexNotFound
from indexer.regularfile import open_regular

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from typing_extensions import Buffer

CHUNK = 1 << 20  # bytes per read or write
_MARK = b"vitrine snapshot, sha256 of all before this number: "
_SEAL = 64  # hexadecimal digits of a SHA-256
_ENCRYPTED = 1  # of the flags of an entry
_LARGEST_COMMENT = len(_MARK) + _SEAL


class ArchiveWriter:
    """Adds files to an archive, one after the other."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    def add(self, name: str, data: bytes) -> None:
        """Add a small file."""
        self._archive.writestr(zipfile.ZipInfo(name), data)

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """Add a file of any size; write it piece by piece within the block."""
        with self._archive.open(zipfile.ZipInfo(name), "w", force_zip64=True) as file:
            yield file


@contextmanager
def write_archive(path: Path) -> Iterator[ArchiveWriter]:
    """Write an archive; it appears at ``path``, complete and on disk, when the block ends.

    If anything fails, ``path`` is unchanged. Raises CannotWrite if it cannot be written.
    """
    with draft_of(path) as draft, draft.open("wb") as file:
        sealing = _SealingFile(file)
        # ``sealing`` cannot seek, so ``zipfile`` does not go back to change a hashed header.
        with zipfile.ZipFile(sealing, "w", zipfile.ZIP_STORED, strict_timestamps=False) as out:
            out.comment = _MARK + b"0" * _SEAL
            yield ArchiveWriter(out)
        sealing.seal()


@contextmanager
def read_archive(path: Path, *, progress: Callable[[int, int], None]) -> Iterator[zipfile.ZipFile]:
    """Check the seal of an archive and open it for reading.

    ``progress`` is called with the numbers of checked bytes and of all bytes. Raises IndexNotFound
    if there is no such file; IndexCorrupt if it is not a sealed archive, was truncated or changed.
    """
    try:
        file = open_regular(path)
    except FileNotFoundError:
        raise IndexNotFound(f"no such snapshot: {path}") from None
    except OSError as error:
        raise IndexCorrupt(f"cannot read {path}: {error.strerror or error}") from error
    with file:
        try:
            _check_seal(file, path, progress)
            with zipfile.ZipFile(file) as archive:
                _check_entries(archive, os.fstat(file.fileno()).st_size)
                yield archive
        except (zipfile.BadZipFile, NotImplementedError, EOFError, UnicodeDecodeError) as error:
            raise IndexCorrupt(f"{path} is not a snapshot: {error}") from error


def _check_entries(archive: zipfile.ZipFile, size: int) -> None:
    """Raise BadZipFile for entries that ``zipfile`` meets with errors of other kinds."""
    for entry in archive.infolist():
        if not 0 <= entry.header_offset < size:
            raise zipfile.BadZipFile(f"{entry.filename[:80]!r} is not within the file")
        if entry.flag_bits & _ENCRYPTED:
            raise zipfile.BadZipFile(f"{entry.filename[:80]!r} is encrypted")


def _check_seal(file: IO[bytes], path: Path, progress: Callable[[int, int], None]) -> None:
    size = os.fstat(file.fileno()).st_size
    body = size - _SEAL
    file.seek(max(0, size - _LARGEST_COMMENT))
    mark, seal = file.read(len(_MARK)), file.read()
    if mark != _MARK:
        raise IndexCorrupt(
            f"{path} is not a whole snapshot: its seal is missing. It was cut short, or is another "
            "kind of file; take or copy it again"
        )
    file.seek(0)
    digest = hashlib.sha256()
    done = 0
    while done < body:
        piece = file.read(min(CHUNK, body - done))
        if not piece:
            break
        digest.update(piece)
        done += len(piece)
        progress(done, body)
    if digest.hexdigest().encode() != seal:
        raise IndexCorrupt(
            f"{path} was changed after it was written: its SHA-256 is {digest.hexdigest()[:12]}, "
            f"sealed as {seal[:12].decode(errors='replace')}; copy it again"
        )
    file.seek(0)


class _SealingFile(io.RawIOBase):
    """Hashes what is written to it, and holds back the last bytes, which the hash replaces."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__()
        self._file = file
        self._digest = hashlib.sha256()
        self._held_back = b""

    def writable(self) -> bool:
        return True

    def write(self, data: Buffer) -> int:
        new = bytes(data)
        pending = self._held_back + new
        ready, self._held_back = pending[:-_SEAL], pending[-_SEAL:]
        self._digest.update(ready)
        self._file.write(ready)
        return len(new)

    def seal(self) -> None:
        """Write the hash instead of the last bytes."""
        self._file.write(self._digest.hexdigest().encode())
