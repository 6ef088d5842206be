"""The folder that the image paths of a catalog are relative to: on disk, or in an object store."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from indexer.errors import BadCatalog, BadImage, one_line
from indexer.imaging.imagepath import image_path
from indexer.imaging.images import LIMITS, ImageLimits, check_bytes, read_image_file

if TYPE_CHECKING:
    from collections.abc import Callable

# Neither the web nor disks: a shop from somebody else must not make this machine ask hosts of its
# network. What a store is reached by is set in the environment.
_STORES: Final = ("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oss", "hdfs", "memory")
_PASSWORD: Final = re.compile(r"[\w+.:-]+://[^/@]*:[^/@]*@")


class ImageFolder:
    """Reads images by their paths, none of which may lead out of the folder.

    ``str(folder)`` is what it can be opened with again, on another machine too: the absolute path
    of a folder, or the URL of a folder that fsspec reads, such as ``s3://bucket/pictures``.
    """

    def __init__(self, where: Path | str) -> None:
        self._url = str(where).rstrip("/") if "://" in str(where) else ""
        self._path = Path() if self._url else Path(where).resolve()

    def __str__(self) -> str:
        return self._url or str(self._path)

    def check(self) -> None:
        """Raise BadCatalog if it is at a URL that cannot be read here; nothing is asked there."""
        if _PASSWORD.match(self._url):  # it would be stored in the shop
            raise BadCatalog(
                "the URL of the images contains a password; give it as fsspec reads it from the "
                "environment, such as AWS_SECRET_ACCESS_KEY",
                param="images",
            )
        if self._url:
            self._object("")

    def read(self, path: str, limits: ImageLimits = LIMITS) -> bytes:
        """Read an image. Raises BadImage if it is missing, unreadable or too large."""
        if not self._url:
            return read_image_file(image_path(self._path, path), limits)
        name = image_path(Path(), path.lstrip("/")).as_posix()
        try:
            read, place = self._object(name)
            data = read(place, start=0, end=int(limits.megabytes * 1e6) + 1)
        except FileNotFoundError:
            raise BadImage("no such file") from None
        except Exception as error:  # each object store has errors of its own
            raise BadImage(f"cannot be read: {one_line(error)}") from error
        check_bytes(data, limits)
        return bytes(data)

    def may_have(self, path: str) -> bool:
        """Return True if there is such a file; an object store is not asked, which takes long."""
        try:
            file = image_path(self._path, path.lstrip("/") if self._url else path)
            return bool(self._url) or file.is_file()
        except (BadImage, OSError):
            return False

    def _object(self, name: str) -> tuple[Callable[..., Any], str]:
        """Return the function that reads an object, and the name it has there."""
        if self._url.partition("://")[0] not in _STORES or "::" in self._url:
            raise BadCatalog(
                f"cannot read images below {self._url}: expected a URL of {', '.join(_STORES)}",
                param="images",
            )
        try:
            from fsspec.core import url_to_fs

            files, folder = url_to_fs(self._url)  # opened once: fsspec keeps it
        except (ImportError, ValueError) as error:
            raise BadCatalog(
                f"cannot read images below {self._url}: {one_line(error)}; pip install "
                "'vitrine[scale]', and the package that fsspec needs for it",
                param="images",
            ) from error
        return files.cat_file, f"{folder.rstrip('/')}/{name}"
