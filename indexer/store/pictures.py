"""The pictures of the store's images: which copies are stored, and the best one available."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias, get_args

from indexer.errors import BadImage
from indexer.imaging.imagefolder import ImageFolder
from indexer.imaging.images import thumbnail
from indexer.imaging.photos import Photo
from indexer.items import ORIGINAL
from indexer.store.records import PictureKey, content_hash

if TYPE_CHECKING:
    from indexer.store.transactions import Reader, Writer

ImageStorage: TypeAlias = Literal["originals", "display", "paths"]
IMAGE_STORAGES: tuple[ImageStorage, ...] = get_args(ImageStorage)
DEFAULT_IMAGE_STORAGE: ImageStorage = "display"
"""``originals``: the original bytes and the display copy. ``display``: the display copy of 400
pixels only. ``paths``: neither; the catalog's own file is read whenever an image is shown. A
rendition has no file, so its display copy is always stored."""

PictureOrigin: TypeAlias = Literal["original", "file", "display"]
DISPLAY_SIDE = 400  # pixels on the longer side of the copy that is shown
_STORAGE, _ROOT = "keep_images", "images_root"  # names in the store's meta


class Picture(NamedTuple):
    """An encoded image and its origin."""

    data: bytes
    source: PictureOrigin


def image_storage(reader: Reader) -> ImageStorage:
    """Return what the operator chose to store of each image."""
    chosen = reader.meta(_STORAGE, str(DEFAULT_IMAGE_STORAGE))
    return next((storage for storage in IMAGE_STORAGES if storage == chosen), DEFAULT_IMAGE_STORAGE)


def image_folder(reader: Reader) -> ImageFolder | None:
    """Return the folder that image paths are relative to; None before the first catalog."""
    root = reader.meta(_ROOT, "")
    return ImageFolder(root) if root else None


def set_images(writer: Writer, folder: ImageFolder, keep: ImageStorage | None) -> None:
    """Set the folder of image paths, and what to store of new images; None changes nothing."""
    writer.put_meta(_ROOT, str(folder))
    if keep is not None:
        writer.put_meta(_STORAGE, keep)


def best_picture(
    reader: Reader, folder: ImageFolder | None, key: PictureKey, path: str
) -> Picture | None:
    """Return the best available picture: the original from the store or its file, else the copy.

    The file is used only if its content is the one that was indexed. Renditions have no file. None
    if no picture is left.
    """
    original = reader.original(key)
    if original is not None:
        return Picture(original, "original")
    if key.rendition == ORIGINAL and folder is not None and path:
        data = _file(folder, path)
        if data is not None and content_hash(data) == key.content:
            return Picture(data, "file")
    display = reader.image(key)
    return None if display is None else Picture(display, "display")


def display_copy(reader: Reader, key: PictureKey, path: str) -> bytes | None:
    """Return a picture for display: the stored copy, or one made from the best picture available.

    None if no picture is left.
    """
    stored = reader.image(key)
    if stored is not None:
        return stored
    picture = best_picture(reader, image_folder(reader), key, path)
    if picture is None:
        return None
    try:
        return thumbnail(Photo(picture.data).cut(side=DISPLAY_SIDE), DISPLAY_SIDE)
    except BadImage:
        return None


def _file(folder: ImageFolder, path: str) -> bytes | None:
    try:
        return folder.read(path)
    except BadImage:
        return None
