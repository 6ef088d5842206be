"""Convert decoded pictures to 8-bit sRGB: alpha on white, color profiles applied."""

from __future__ import annotations

import io
import struct
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageCms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from indexer.arrays import Pixels

_BAND = 1_000_000  # pixels converted at once, to bound the memory
_MOST_TAGS = 100  # of a profile; the color library refuses more, too


def srgb_pixels(
    image: Image.Image, factor: int = 1, *, profile: bytes = b"", key: int | None = None
) -> Pixels:
    """Return the sRGB pixels (h, w, 3) of a decoded picture, ``factor`` times smaller by averaging.

    ``profile`` is the color profile; it is ignored if it is broken or for another color space.
    ``key`` is the transparent gray of a 16-bit picture. Large pictures are converted in bands, so
    that little more memory is used than for the result.
    """
    # Averaging first is cheaper, but palette indices and transparent key colors cannot be averaged.
    if factor > 1 and image.mode in ("RGB", "L", "CMYK") and "transparency" not in image.info:
        image, factor = image.reduce(factor), 1
    width, height = image.size
    if width * height <= _BAND:
        return np.array(_small(image, factor, profile, key))
    out = np.empty((-(-height // factor), -(-width // factor), 3), dtype=np.uint8)
    for top, bottom in _bands(width, height, factor):
        band = _small(image.crop((0, top, width, bottom)), factor, profile, key)
        out[top // factor : -(-bottom // factor)] = np.asarray(band)
    return out


def _small(image: Image.Image, factor: int, profile: bytes, key: int | None) -> Image.Image:
    """Convert to RGB, ``factor`` times smaller."""
    flat = _flat(image, key)
    return _profiled(flat.reduce(factor) if factor > 1 else flat, profile)


def _bands(width: int, height: int, factor: int) -> Iterator[tuple[int, int]]:
    """Yield the first line of each band and the line after it, in multiples of ``factor``."""
    lines = max(1, _BAND // (width * factor)) * factor
    for top in range(0, height, lines):
        yield top, min(top + lines, height)


def _flat(image: Image.Image, key: int | None) -> Image.Image:
    """Convert to RGB, CMYK or L: 8 bits, without palette or alpha."""
    if image.mode.startswith("I;16"):
        image = Image.fromarray(_eight_bits(key)[np.asarray(image)])  # (h, w)
    if "A" in image.mode or "a" in image.mode or "transparency" in image.info:
        rgba = image if image.mode == "RGBA" else image.convert("RGBA")
        image = Image.new("RGB", rgba.size, (255, 255, 255))
        image.paste(rgba, mask=rgba)  # Pillow uses the alpha channel as the mask
    return image if image.mode in ("RGB", "CMYK", "L") else image.convert("RGB")


def _eight_bits(key: int | None) -> NDArray[np.uint8]:
    """Return a table (65536,) from 16-bit to 8-bit grays, with the transparent ``key`` as white."""
    table = np.rint(np.arange(65536) / 257).astype(np.uint8)
    if key is not None:
        table[key] = 255
    return table


def _profiled(image: Image.Image, profile: bytes) -> Image.Image:
    """Convert to RGB, with the profile if it can be applied."""
    if profile and (transform := _transform(profile, image.mode)) is not None:
        try:
            converted = ImageCms.applyTransform(image, transform)
        except ImageCms.PyCMSError:
            converted = None
        if converted is not None:
            return converted
    return image if image.mode == "RGB" else image.convert("RGB")


@lru_cache(maxsize=8)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Build the transform from an embedded profile to sRGB.

    None if the profile is sRGB, broken, or for another mode. Phones write Display P3 and cameras
    Adobe RGB: without the transform every color would shift.
    """
    if not _is_bounded(profile):
        return None
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "sRGB" in ImageCms.getProfileDescription(source):
            return None
        return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None


def _is_bounded(profile: bytes) -> bool:
    """Return True if a profile has no programs (``mpet``), which may take hours to run.

    Curves, matrices and tables, as photos have them, are bounded. (ICC.1:2010, 7.3 and 10.14)
    """
    if len(profile) < 132:
        return False
    (count,) = struct.unpack_from(">I", profile, 128)
    if count > _MOST_TAGS or len(profile) < 132 + 12 * count:
        return False
    offsets = [struct.unpack_from(">I", profile, 136 + 12 * number)[0] for number in range(count)]
    return all(profile[at : at + 4] != b"mpet" for at in offsets)
