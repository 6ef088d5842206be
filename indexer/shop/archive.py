"""Sealed archives: a ZIP of stored files that ends in the SHA-256 of everything before it.

Any tool that knows ZIP can list and unpack one. Ours writes it as a stream, in one pass, and
reads nothing of it but bytes to hash until the seal has been found to hold, so a file that was
cut short or changed anywhere, padding and headers included, is refused before it is parsed.
"""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING

from indexer.errors import CannotWrite, IndexCorrupt, IndexNotFound
from indexer.shop.folder import sync

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from typing_extensions import Buffer

CHUNK = 1 << 20  # bytes that are read and written at a time
_MARK = b"vitrine snapshot, sha256 of all before this number: "
_SEAL = 64  # letters of a SHA-256 in hex
_LARGEST_COMMENT = len(_MARK) + _SEAL


class ArchiveWriter:
    """Puts files into an archive, one after the other."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    def add(self, name: str, data: bytes) -> None:
        """Store a small file."""
        self._archive.writestr(zipfile.ZipInfo(name), data)

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """Store a file of any size that is written piece by piece within the block."""
        with self._archive.open(zipfile.ZipInfo(name), "w", force_zip64=True) as file:
            yield file


@contextmanager
def write_archive(path: Path) -> Iterator[ArchiveWriter]:
    """Write an archive that appears under ``path``, whole and on disk, when the block ends.

    Whatever goes wrong before leaves ``path`` as it was. CannotWrite when it cannot be written.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with draft.open("wb") as file:
            sealing = _Sealing(file)
            # No seeking back: a header that were filled in later would break the running hash.
            with zipfile.ZipFile(sealing, "w", zipfile.ZIP_STORED, strict_timestamps=False) as out:
                out.comment = _MARK + b"0" * _SEAL
                yield ArchiveWriter(out)
            sealing.seal()
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        sync(path.parent)
    except OSError as error:
        raise CannotWrite(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


@contextmanager
def read_archive(path: Path, *, progress: Callable[[int, int], None]) -> Iterator[zipfile.ZipFile]:
    """An archive whose seal holds, for reading.

    ``progress`` is called with the bytes that were checked and those there are. IndexNotFound
    when there is no such file; IndexCorrupt when it is no archive of ours, was cut short or
    changed.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise IndexNotFound(f"no such snapshot: {path}") from None
    except OSError as error:
        raise IndexCorrupt(f"cannot read {path}: {error.strerror or error}") from error
    with file:
        try:
            _check_seal(file, path, progress)
            with zipfile.ZipFile(file) as archive:
                yield archive
        except (zipfile.BadZipFile, NotImplementedError, EOFError) as error:
            raise IndexCorrupt(f"{path} is not a snapshot: {error}") from error


def _check_seal(file: IO[bytes], path: Path, progress: Callable[[int, int], None]) -> None:
    size = os.fstat(file.fileno()).st_size
    body = size - _SEAL
    file.seek(max(0, size - _LARGEST_COMMENT))
    mark, seal = file.read(len(_MARK)), file.read()
    if mark != _MARK:
        raise IndexCorrupt(
            f"{path} is not a whole snapshot: it does not end as one; it was cut short, or is "
            "something else. Take or copy it again"
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


class _Sealing(io.RawIOBase):
    """Hashes what passes through, and holds the last bytes back to write the hash there."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__()
        self._file = file
        self._digest = hashlib.sha256()
        self._held = b""

    def writable(self) -> bool:
        return True

    def write(self, data: Buffer) -> int:
        given = bytes(data)
        both = self._held + given
        ready, self._held = both[:-_SEAL], both[-_SEAL:]
        self._digest.update(ready)
        self._file.write(ready)
        return len(given)

    def seal(self) -> None:
        """Write the hash in place of the last bytes."""
        self._file.write(self._digest.hexdigest().encode())
