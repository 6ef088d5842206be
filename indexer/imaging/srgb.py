"""Any picture that Pillow has decoded, as sRGB: alpha on white, 16 bit to 8, profiles applied."""

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

_BAND = 1_000_000  # pixels that are converted at once: what that takes is small
_MOST_TAGS = 100  # of a profile; more are refused by the color library too


def srgb_pixels(
    image: Image.Image, factor: int = 1, *, profile: bytes = b"", key: int | None = None
) -> Pixels:
    """The pixels (h, w, 3) of a decoded picture, made ``factor`` times smaller by averaging.

    ``profile`` is its color profile; one that is broken or for other colors is ignored. ``key`` is
    the gray of a 16-bit picture that is transparent. Large pictures are converted band by band, so
    that little more memory is needed than for the result.
    """
    # Averaging first is cheaper, but only these modes can be averaged as they are: a palette's
    # numbers or a transparent key color cannot.
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
    """RGB, ``factor`` times smaller."""
    flat = _flat(image, key)
    return _profiled(flat.reduce(factor) if factor > 1 else flat, profile)


def _bands(width: int, height: int, factor: int) -> Iterator[tuple[int, int]]:
    """First and last line of each band; whole blocks of ``factor``, but for the end."""
    lines = max(1, _BAND // (width * factor)) * factor
    for top in range(0, height, lines):
        yield top, min(top + lines, height)


def _flat(image: Image.Image, key: int | None) -> Image.Image:
    """RGB, CMYK or L: without palette, alpha or more than 8 bits."""
    if image.mode.startswith("I;16"):
        image = Image.fromarray(_eight_bits(key)[np.asarray(image)])  # (h, w)
    if "A" in image.mode or "a" in image.mode or "transparency" in image.info:
        layered = image if image.mode == "RGBA" else image.convert("RGBA")
        image = Image.new("RGB", layered.size, (255, 255, 255))
        image.paste(layered, mask=layered)  # by its alpha
    return image if image.mode in ("RGB", "CMYK", "L") else image.convert("RGB")


def _eight_bits(key: int | None) -> NDArray[np.uint8]:
    """For each of the 65,536 grays its nearest of 256; white for ``key``, which is transparent."""
    table = np.rint(np.arange(65536) / 257).astype(np.uint8)
    if key is not None:
        table[key] = 255
    return table


def _profiled(image: Image.Image, profile: bytes) -> Image.Image:
    """RGB, by the profile where it can be applied."""
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
    """From an embedded profile to sRGB; None when it is sRGB already, broken, or for other modes.

    Phones write Display P3 and cameras Adobe RGB: ignoring that shifts every color a shopper
    searches for.
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
    """Whether a profile has no programs (``mpet``): these may take hours to run.

    Photos have curves, matrices and tables, whose cost is bounded. (ICC.1:2010, 7.3 and 10.14)
    """
    if len(profile) < 132:
        return False
    (count,) = struct.unpack_from(">I", profile, 128)
    if count > _MOST_TAGS or len(profile) < 132 + 12 * count:
        return False
    places = [struct.unpack_from(">I", profile, 136 + 12 * number)[0] for number in range(count)]
    return all(profile[at : at + 4] != b"mpet" for at in places)
