"""Decode untrusted bytes to sRGB pixels. No other module decodes images.

The format is recognized by content, never by file name. The structure is checked before any pixel
is decoded (``indexer.imaging.formats``), so that a small file cannot take gigabytes or hours. All
threads share one memory budget. Pixels are always uint8 (h, w, 3) in sRGB, upright, without alpha
and without metadata.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np
from PIL import Image

from indexer.errors import BadImage, one_line
from indexer.imaging.decodebudget import BUDGET
from indexer.imaging.formats.avif import walk_avif
from indexer.imaging.formats.gif import walk_gif
from indexer.imaging.formats.heic import walk_heic
from indexer.imaging.formats.jpeg import walk_jpeg
from indexer.imaging.formats.png import walk_png
from indexer.imaging.formats.signature import describe, recognize
from indexer.imaging.formats.structure import LIMITS, ImageLimits, Structure, broken, in_words
from indexer.imaging.formats.webp import walk_webp
from indexer.imaging.plugins import exif_orientation, fingerprint, open_picture, upright
from indexer.imaging.srgb import srgb_pixels
from indexer.regularfile import open_regular

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from indexer.arrays import Pixels

__all__ = [
    "LIMITS",
    "WHOLE",
    "Box",
    "EncodedImage",
    "ImageInfo",
    "ImageLimits",
    "Reduction",
    "check_box",
    "cut",
    "decode",
    "inspect",
    "read_image_file",
    "thumbnail",
    "whole_side",
]

Box: TypeAlias = tuple[float, float, float, float]
"""A region ``(x0, y0, x1, y1)`` of the upright image, each in [0, 1], origin top left."""

WHOLE: Box = (0.0, 0.0, 1.0, 1.0)


class ImageInfo(NamedTuple):
    """The format name, width and height of an upright image, as its header gives them."""

    format: str
    width: int
    height: int


_WALKS: dict[str, Callable[[bytes, ImageLimits], Structure]] = {
    "JPEG": walk_jpeg,
    "PNG": walk_png,
    "WebP": walk_webp,
    "GIF": walk_gif,
    "AVIF": walk_avif,
    "HEIC": walk_heic,
}
_ORIENTED = ("AVIF", "HEIC")  # the decoder knows the orientation and the profile
_SCALES = (8, 4, 2, 1)  # a JPEG can be decoded this many times smaller
_OVERHEAD = 20_000_000  # bytes besides the picture: the band in conversion, the decoder's tables
_PROBE_BYTES = 4  # per pixel of a picture whose values are counted


def read_image_file(path: Path, limits: ImageLimits = LIMITS) -> bytes:
    """Read an image file, at most up to the size limit.

    Raises BadImage if the file is missing, unreadable or too large.
    """
    try:
        with open_regular(path) as file:
            data = file.read(int(limits.megabytes * 1e6) + 1)
    except FileNotFoundError:
        raise BadImage("no such file") from None
    except OSError as error:
        raise BadImage(f"cannot be read: {error.strerror or error}") from error
    except ValueError as error:  # a NUL in the path
        raise BadImage(f"cannot be read: {error}") from error
    check_bytes(data, limits)
    return data


def inspect(data: bytes, limits: ImageLimits = LIMITS) -> ImageInfo:
    """Read the header only. Raises BadImage as ``decode`` does, except for broken pixels."""
    return EncodedImage(data, limits).info


def decode(
    data: bytes, *, side: int | None = None, box: Box = WHOLE, limits: ImageLimits = LIMITS
) -> Pixels:
    """Decode to sRGB pixels (h, w, 3), upright, alpha on white, cut to ``box``.

    With ``side`` the image may be reduced, but its shorter side (after the cut) keeps at least
    ``side`` pixels or its full size: a JPEG is then decoded at 1/2, 1/4 or 1/8 scale in the DCT,
    which makes a phone photo several times faster. Decodes the first frame of an animation. Waits
    while other threads hold the memory that decoding needs.

    Raises BadImage if the input is empty, of another format, truncated or too large, or if the box
    is empty or outside the image.
    """
    wanted = whole_side(side, box)  # before the bytes are read: a wrong box is reported first
    return EncodedImage(data, limits).decode(wanted, box)


class Reduction(NamedTuple):
    """How many times smaller an image is decoded: by the decoder, and after it.

    ``pixels`` is the number of pixels that are left.
    """

    scale: int
    factor: int
    pixels: int


class EncodedImage:
    """The bytes of an image, with a valid structure, to be decoded any number of times.

    Its methods take ``wanted``: the least pixels on the shorter side, or None for full size.
    """

    def __init__(self, data: bytes, limits: ImageLimits = LIMITS) -> None:
        """Raise BadImage as ``decode`` does, except for broken pixels."""
        self._found = _walk(data, limits)
        self._bytes = len(data)

    @property
    def info(self) -> ImageInfo:
        """The format and the upright size. Raises BadImage if the header cannot be read."""
        found = self._found
        turn = found.orientation
        if found.format in _ORIENTED:
            turn = exif_orientation(open_picture(found))
        width, height = (found.height, found.width) if turn >= 5 else (found.width, found.height)
        return ImageInfo(found.format, width, height)

    def reduction(self, wanted: int | None) -> Reduction:
        """Return how much ``decode`` reduces the image; equal reductions give equal pixels."""
        scale = _scale(self._found, wanted)
        width, height = -(-self._found.width // scale), -(-self._found.height // scale)
        factor = _factor((width, height), wanted)
        return Reduction(scale, factor, -(-width // factor) * -(-height // factor))

    def decode(self, wanted: int | None, box: Box = WHOLE) -> Pixels:
        """Decode, and cut to ``box``, as the function ``decode`` does."""
        found: list[Pixels] = []
        self.decode_each([(wanted, box)], lambda _, pixels: found.append(pixels))
        return found[0]

    def decode_each(
        self, cuts: Sequence[tuple[int | None, Box]], take: Callable[[int, Pixels], None]
    ) -> None:
        """Call ``take`` with the number and ``decode`` of each pair of ``wanted`` and ``box``.

        The decoder runs once for all pairs that need the same scale, as all do but those of a JPEG.
        The order is not that of ``cuts``. What ``take`` does not keep takes no memory.
        """
        found = self._found
        scales = [_scale(found, wanted) for wanted, _ in cuts]
        for scale in dict.fromkeys(scales):
            numbers = [number for number, other in enumerate(scales) if other == scale]
            with BUDGET.hold(
                max(_memory_need(found, cuts[number][0]) for number in numbers),
                f"{found.format} of {found.width} x {found.height}",
            ):
                try:
                    _decode(found, cuts, numbers, take)
                except BadImage:
                    raise
                except (Exception, MemoryError) as error:  # a plugin may raise anything
                    raise broken(found.format, self._bytes, one_line(error)) from error


def cut(pixels: Pixels, box: Box) -> Pixels:
    """Return a copy of the region ``box`` of (h, w, 3), at least one pixel; all of it as it is."""
    if box == WHOLE:
        return pixels
    height, width = pixels.shape[:2]
    left, top, right, bottom = check_box(box)
    x0, y0 = int(left * width), int(top * height)
    x1, y1 = int(np.ceil(right * width)), int(np.ceil(bottom * height))
    return pixels[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)].copy()


def whole_side(side: int | None, box: Box) -> int | None:
    """Return the shorter side that an image needs so that its region ``box`` keeps ``side`` pixels.

    None, for full size, gives None. Raises BadImage for an invalid box.
    """
    left, top, right, bottom = check_box(box)
    return None if side is None else max(1, int(np.ceil(side / min(right - left, bottom - top))))


def _memory_need(found: Structure, wanted: int | None) -> float:
    """Return the most bytes of memory that ``_decode`` takes."""
    scale = _scale(found, wanted)
    width, height = -(-found.width // scale), -(-found.height // scale)
    factor = _factor((width, height), wanted)
    result = 2 * 3 * (width // factor + 1) * (height // factor + 1)  # twice, to turn it upright
    need = width * height * found.pixel_bytes + result + min(width * height * 16, _OVERHEAD)
    if found.probe:
        need = max(need, found.width * found.height * _PROBE_BYTES)
    return need + found.fixed_bytes + 2 * sum(map(len, found.pieces))


def _scale(found: Structure, wanted: int | None) -> int:
    """Return how many times smaller the decoder itself makes the picture."""
    if wanted is None or found.format != "JPEG":
        return 1
    room = min(found.width // wanted, found.height // wanted)
    return next((scale for scale in _SCALES if room >= scale), 1)


def _factor(size: tuple[int, int], wanted: int | None) -> int:
    """Return how many times to reduce a decoded picture; twice the wanted pixels are left."""
    return 1 if wanted is None else max(1, min(size) // (2 * wanted))


def _decode(
    found: Structure,
    cuts: Sequence[tuple[int | None, Box]],
    numbers: Sequence[int],
    take: Callable[[int, Pixels], None],
) -> None:
    """Decode once for the cuts of these numbers, which need the same scale, and cut to each.

    Raises whatever the plugins raise.
    """
    if found.probe and fingerprint(found.pieces) != fingerprint(found.probe):
        raise BadImage(f"a truncated {found.format} image: it ends before its pixels do")
    image = open_picture(found)
    wanted, _ = cuts[numbers[0]]
    if wanted is not None and found.format == "JPEG":
        image.draft(image.mode, (wanted, wanted))
    image.load()
    profile, turn = found.profile, found.orientation
    if found.format in _ORIENTED:
        embedded = image.info.get("icc_profile")
        profile, turn = embedded if isinstance(embedded, bytes) else b"", exif_orientation(image)
    factors = {number: _factor(image.size, cuts[number][0]) for number in numbers}
    for factor in dict.fromkeys(factors.values()):  # one after the other: each may be large
        pixels = upright(srgb_pixels(image, factor, profile=profile, key=found.key), turn)
        for number in numbers:
            if factors[number] == factor:
                take(number, cut(pixels, cuts[number][1]))


def check_box(box: Box) -> Box:
    """Return the box; raise BadImage if it is empty, reversed or outside [0, 1]."""
    x0, y0, x1, y1 = box
    if not (0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1):
        raise BadImage(
            f"box must be x0,y0,x1,y1 with 0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1, got {box}",
            param="box",
        )
    return box


def thumbnail(pixels: Pixels, side: int, quality: int = 85) -> bytes:
    """Encode a JPEG with at most ``side`` pixels on the longer side; never enlarges."""
    image = Image.fromarray(pixels)
    image.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality, optimize=False)
    return out.getvalue()


def _walk(data: bytes, limits: ImageLimits) -> Structure:
    check_bytes(data, limits)
    name = recognize(data)
    if name is None:
        raise BadImage(
            f"not an image we read (JPEG, PNG, WebP, GIF, AVIF, HEIC): {in_words(len(data))} of "
            f"{describe(data)}"
        )
    return _WALKS[name](data, limits)


def check_bytes(data: bytes, limits: ImageLimits) -> None:
    """Raise BadImage if a file is empty, or larger than the limit."""
    if not data:
        raise BadImage("empty: 0 bytes, expected an image")
    if len(data) > limits.megabytes * 1e6:
        raise BadImage(f"too large: over {limits.megabytes:g} MB")
