"""The pictures behind the store's images: which copies are kept, and the best that there is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias, get_args

from indexer.errors import BadImage
from indexer.imaging.imagepath import image_path
from indexer.imaging.images import decode, read_image_file, thumbnail
from indexer.store.store import content_hash

if TYPE_CHECKING:
    from indexer.store.store import Reader, Writer

Keep: TypeAlias = Literal["originals", "display", "paths"]
KEEPS: tuple[Keep, ...] = get_args(Keep)
KEEP: Keep = "display"
"""``originals``: every byte, and the display copy. ``display``: the copy of 400 pixels that is
shown. ``paths``: neither; the catalog's own files are read when an image is shown."""

Source: TypeAlias = Literal["original", "file", "display"]
DISPLAY_SIDE = 400  # pixels on the longer side of the copy that is shown
_KEEP, _ROOT = "keep_images", "images_root"  # in the store's meta


class Picture(NamedTuple):
    """An encoded image, and where it came from."""

    data: bytes
    source: Source


def kept_images(reader: Reader) -> Keep:
    """What the operator chose to keep of every image."""
    chosen = reader.meta(_KEEP, str(KEEP))
    return next((one for one in KEEPS if one == chosen), KEEP)


def images_root(reader: Reader) -> Path | None:
    """The folder that the paths of images begin in; None before the first catalog."""
    root = reader.meta(_ROOT, "")
    return Path(root) if root else None


def set_images(writer: Writer, root: Path, keep: Keep | None) -> None:
    """Note where paths begin, and what to keep of new images; None is as before."""
    writer.put_meta(_ROOT, str(root.resolve()))
    if keep is not None:
        writer.put_meta(_KEEP, keep)


def best_picture(reader: Reader, root: Path | None, content: bytes, path: str) -> Picture | None:
    """The best there is of an image: its own bytes, from the store or from its file; the copy.

    A file counts only while it is what was indexed. None when nothing is left.
    """
    original = reader.original(content)
    if original is not None:
        return Picture(original, "original")
    data = _file(root, path) if root is not None and path else None
    if data is not None and content_hash(data) == content:
        return Picture(data, "file")
    display = reader.image(content)
    return None if display is None else Picture(display, "display")


def display_copy(reader: Reader, content: bytes, path: str) -> bytes | None:
    """An image as it is shown: the stored copy, or one made from the best picture there is."""
    stored = reader.image(content)
    if stored is not None:
        return stored
    picture = best_picture(reader, images_root(reader), content, path)
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
