"""The pictures behind the store's images: which copies are kept, and the best that exists."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias, get_args

from indexer.errors import BadImage
from indexer.imaging.imagepath import image_path
from indexer.imaging.images import decode, read_image_file, thumbnail
from indexer.items import ORIGINAL
from indexer.store.records import PictureKey, content_hash

if TYPE_CHECKING:
    from indexer.store.transactions import Reader, Writer

ImageStorage: TypeAlias = Literal["originals", "display", "paths"]
IMAGE_STORAGES: tuple[ImageStorage, ...] = get_args(ImageStorage)
DEFAULT_IMAGE_STORAGE: ImageStorage = "display"
"""``originals``: every byte, and the display copy. ``display``: the copy of 400 pixels that is
shown. ``paths``: neither; the catalog's own files are read when an image is shown. A rendition has
no file, so its display copy is kept in any case."""

PictureOrigin: TypeAlias = Literal["original", "file", "display"]
DISPLAY_SIDE = 400  # pixels on the longer side of the copy that is shown
_KEEP, _ROOT = "keep_images", "images_root"  # in the store's meta


class Picture(NamedTuple):
    """An encoded image, and where it came from."""

    data: bytes
    source: PictureOrigin


def image_storage(reader: Reader) -> ImageStorage:
    """What the operator chose to keep of every image."""
    chosen = reader.meta(_KEEP, str(DEFAULT_IMAGE_STORAGE))
    return next((keep for keep in IMAGE_STORAGES if keep == chosen), DEFAULT_IMAGE_STORAGE)


def images_root(reader: Reader) -> Path | None:
    """The folder that the paths of images begin in; None before the first catalog."""
    root = reader.meta(_ROOT, "")
    return Path(root) if root else None


def set_images(writer: Writer, root: Path, keep: ImageStorage | None) -> None:
    """Note where paths begin, and what to keep of new images; None is as before."""
    writer.put_meta(_ROOT, str(root.resolve()))
    if keep is not None:
        writer.put_meta(_KEEP, keep)


def best_picture(reader: Reader, root: Path | None, key: PictureKey, path: str) -> Picture | None:
    """The best picture that exists: its own bytes, from the store or its file, else the copy.

    A file counts only while it is what was indexed, and holds the original only: of a rendition
    there is what the store has. None when no picture is left.
    """
    original = reader.original(key)
    if original is not None:
        return Picture(original, "original")
    if key.rendition == ORIGINAL and root is not None and path:
        data = _file(root, path)
        if data is not None and content_hash(data) == key.content:
            return Picture(data, "file")
    display = reader.image(key)
    return None if display is None else Picture(display, "display")


def display_copy(reader: Reader, key: PictureKey, path: str) -> bytes | None:
    """A picture as it is shown: the stored copy, or one made from the best picture that exists.

    None when no picture is left.
    """
    stored = reader.image(key)
    if stored is not None:
        return stored
    picture = best_picture(reader, images_root(reader), key, path)
    if picture is None:
        return None
    try:
        return thumbnail(decode(picture.data, side=DISPLAY_SIDE), DISPLAY_SIDE)
    except BadImage:
        return None


def _file(root: Path, path: str) -> bytes | None:
    try:
        return read_image_file(image_path(root, path))
    except BadImage:
        return None
