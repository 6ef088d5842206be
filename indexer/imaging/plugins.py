"""Open pictures with Pillow's plugins, one for each format."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import IO, TYPE_CHECKING, cast

import numpy as np
from PIL import (
    AvifImagePlugin,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    PngImagePlugin,
    WebPImagePlugin,
)

from indexer.errors import BadImage, one_line
from indexer.imaging.formats.orientation import orientation
from indexer.imaging.formats.pieces import Pieces
from indexer.imaging.formats.structure import Structure, broken

if TYPE_CHECKING:
    from indexer.arrays import Pixels


def _open_heic(file: IO[bytes]) -> Image.Image:
    try:
        import pillow_heif
    except ImportError:
        raise BadImage(
            "a HEIC photo; reading it needs pillow-heif: pip install 'vitrine[heic]'"
        ) from None
    # Only the picture: thumbnails, depth maps and other pictures are not decoded.
    for name in ("THUMBNAILS", "DEPTH_IMAGES", "AUX_IMAGES"):
        setattr(pillow_heif.options, name, False)
    opened: Image.Image = pillow_heif.HeifImageFile(file)
    return opened


# Plugins are called directly: Image.open would try other formats, and would check the size
# against a limit that is global to the process.
_OPENERS: dict[str, Callable[[IO[bytes]], Image.Image]] = {
    "JPEG": JpegImagePlugin.JpegImageFile,
    "PNG": PngImagePlugin.PngImageFile,
    "WebP": WebPImagePlugin.WebPImageFile,
    "GIF": GifImagePlugin.GifImageFile,
    "AVIF": AvifImagePlugin.AvifImageFile,
    "HEIC": _open_heic,
}


def open_picture(found: Structure) -> Image.Image:
    """Open with the plugin, without decoding. Raises BadImage if it cannot read the header."""
    size = sum(map(len, found.pieces))
    try:
        image = _OPENERS[found.format](cast("IO[bytes]", Pieces(found.pieces)))
    except BadImage:
        raise
    except (Exception, MemoryError) as error:
        raise broken(found.format, size, one_line(error)) from error
    if image.size != (found.width, found.height):
        raise broken(found.format, size, f"its pixels are {image.size[0]} x {image.size[1]}")
    return image


def fingerprint(pieces: Sequence[bytes | memoryview]) -> list[int]:
    """Return how often each value occurs in the pixels of a JPEG, without a copy of them.

    Files that end alike but for what the decoder makes up differ in it.
    """
    image = JpegImagePlugin.JpegImageFile(cast("IO[bytes]", Pieces(pieces)))
    image.load()
    return image.histogram()


def exif_orientation(image: Image.Image) -> int:
    """Return the orientation (1 to 8) in the EXIF of an opened picture, or 1."""
    exif = image.info.get("exif")
    return orientation(exif) if isinstance(exif, bytes) else 1


def upright(pixels: Pixels, turn: int) -> Pixels:
    """Turn pixels (h, w, 3) upright by the EXIF orientation, 1 to 8."""
    if turn >= 5:
        pixels = pixels.transpose(1, 0, 2)
    if turn in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if turn in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)
