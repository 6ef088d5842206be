"""The folder that the image paths of a catalog are relative to: on disk, or in an object store."""

from __future__ import annotations

from pathlib import Path

from indexer.errors import BadImage, one_line
from indexer.imaging.imagepath import image_path
from indexer.imaging.images import LIMITS, ImageLimits, check_bytes, read_image_file
from indexer.objectstore import object_at


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
        if self._url:
            object_at(self._url, param="images")

    def read(self, path: str, limits: ImageLimits = LIMITS) -> bytes:
        """Read an image. Raises BadImage if it is missing, unreadable or too large."""
        if not self._url:
            return read_image_file(image_path(self._path, path), limits)
        name = image_path(Path(), path.lstrip("/")).as_posix()
        try:
            store, folder = object_at(self._url, param="images")
            place = f"{folder.rstrip('/')}/{name}"
            data = store.cat_file(place, start=0, end=int(limits.megabytes * 1e6) + 1)
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
