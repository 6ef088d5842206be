"""Catalogs that are packed: gzip files, and zip files that hold one file. They are unpacked."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Final

from indexer.errors import BadCatalog, one_line

if TYPE_CHECKING:
    from typing import BinaryIO

_MOST_UNPACKED: Final = 4_000_000_000  # bytes
_MUCH: Final = 100_000_000  # bytes, if they are packed more than:
_MOST_PACKED: Final = 200  # times, as for Parquet files
_CHUNK: Final = 1 << 20  # bytes
_SYSTEM: Final = "__MACOSX/"  # what macOS adds to zip files


def is_packed(path: Path) -> bool:
    """Return True for a file whose ending says that it is packed."""
    return path.suffix.lower() in (".gz", ".zip") and path.is_file()


def unpacked(path: Path, folder: Path) -> Path:
    """Unpack a packed file into ``folder``, under the name of what it holds.

    Raises BadCatalog if it is damaged, too large, or a zip file of several files.
    """
    try:
        if path.suffix.lower() == ".gz":
            target = folder / path.stem
            with path.open("rb") as packed, target.open("wb") as file:
                unpack_gzip(str(path), packed, file)
            return target
        with zipfile.ZipFile(path) as archive:
            member = _only_file(path, archive)
            # A name may hold folders, of this system or another, and ".." too.
            target = folder / member.filename.replace("\\", "/").rpartition("/")[2]
            with archive.open(member) as packed_file, target.open("wb") as file:
                _copy(str(path), packed_file, file, member.compress_size)
            return target
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError) as error:
        raise BadCatalog(f"{path} cannot be unpacked: {one_line(error)}") from error


def unpack_gzip(name: str, packed: BinaryIO, target: BinaryIO) -> None:
    """Unpack a gzip file. Raises BadCatalog with ``name`` if it is damaged, or too large."""
    with gzip.GzipFile(fileobj=packed) as file:
        try:
            _copy(name, file, target, packed)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise BadCatalog(f"{name}: not a whole gzip file: {error}") from None


def _copy(
    name: str, source: IO[bytes] | gzip.GzipFile, target: BinaryIO, packed: BinaryIO | int
) -> None:
    """Copy what is unpacked; ``packed`` is its size when packed, or a file read up to there."""
    size = 0
    while part := source.read(_CHUNK):
        size += len(part)
        read = packed if isinstance(packed, int) else packed.tell()
        if size > max(_MUCH, _MOST_PACKED * read):
            raise BadCatalog(f"{name}: unpacks to over {_MOST_PACKED} times its size")
        if size > _MOST_UNPACKED:
            raise BadCatalog(f"{name}: over {_MOST_UNPACKED // 10**9} GB when unpacked")
        target.write(part)


def _only_file(path: Path, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    """Return the one file of an archive. Raises BadCatalog if it has none or several."""
    files = [
        member
        for member in archive.infolist()
        if not member.is_dir()
        and not member.filename.startswith(_SYSTEM)
        and not PurePosixPath(member.filename).name.startswith(".")
    ]
    if len(files) != 1:
        raise BadCatalog(
            f"{path} holds {len(files)} files; a zip file is read if it holds one. Unpack it, and "
            "name the catalog in it"
        )
    return files[0]
