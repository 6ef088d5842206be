"""The result of parsing an image file before decoding, and the limits that it is checked for."""

from __future__ import annotations

from typing import NamedTuple

from indexer.errors import BadImage

MOST_SEGMENTS = 65_536
"""The most segments, chunks or blocks of a file; no camera or editor writes that many."""

MOST_PROFILE = 4_000_000
"""The most bytes of a color profile; those of printers have 2 MB."""

MOST_EXIF = 1_000_000
"""The most bytes of EXIF or XMP that are searched for the orientation."""

# WebP and AVIF: a megabyte of coded data takes as long as five megapixels, measured.
_MEGABYTE, _MOST_WORK = 5, 100
_ANY_SHAPE_SIDE = 1000  # pixels; up to this longer side any aspect ratio is cheap


class ImageLimits(NamedTuple):
    """The largest picture that is decoded, by ``megapixels``, ``megabytes`` and ``side`` (pixels).

    The longer side may be ``aspect`` times the shorter one. Pictures with a longer side of at most
    1,000 pixels may have any shape.
    """

    megapixels: float = 64.0
    megabytes: float = 32.0
    side: int = 20_000
    aspect: float = 50.0


LIMITS = ImageLimits()


class Structure(NamedTuple):
    """The input of a decoder, and the memory that decoding takes.

    ``width`` and ``height`` are those of the stored picture, before ``orientation`` (1 to 8, as in
    EXIF) turns it upright. ``pieces`` are the bytes of the first picture without metadata. Decoding
    takes ``fixed_bytes``, plus ``pixel_bytes`` for each pixel of the output. ``profile`` is the
    embedded color profile, or empty. ``key`` is the transparent 16-bit gray, or None. If the file
    lacks its end mark, ``probe`` is the picture with noise appended: it decodes to other pixels if
    data is missing.
    """

    format: str
    width: int
    height: int
    pieces: tuple[bytes | memoryview, ...]
    pixel_bytes: float
    fixed_bytes: int = 0
    orientation: int = 1
    profile: bytes = b""
    key: int | None = None
    probe: tuple[bytes | memoryview, ...] = ()


def check_size(name: str, width: int, height: int, limits: ImageLimits) -> None:
    """Raise BadImage if a picture of this size is empty, too large or too long."""
    if width < 1 or height < 1:
        raise BadImage(f"a broken {name} image: {width} x {height} pixels")
    if width * height > limits.megapixels * 1e6:
        raise BadImage(
            f"too large: {name} of {width} x {height} = {width * height / 1e6:.0f} megapixels, "
            f"at most {limits.megapixels:g} are read"
        )
    longer, shorter = max(width, height), min(width, height)
    if longer > limits.side:
        raise BadImage(
            f"too large: {name} of {width} x {height}, at most {limits.side} pixels per side are "
            "read; make it smaller"
        )
    if longer > _ANY_SHAPE_SIDE and longer > limits.aspect * shorter:
        raise BadImage(
            f"too long: {name} of {width} x {height} is {longer / shorter:.0f} times as long as "
            f"wide, at most {limits.aspect:g} times is read; crop it"
        )


def check_work(name: str, pixels: int, coded: int) -> None:
    """Raise BadImage if ``coded`` bytes with this number of pixels take too long to decode."""
    work = pixels / 1e6 + _MEGABYTE * coded / 1e6
    if work > _MOST_WORK:
        raise BadImage(
            f"too much work: {name} with {pixels / 1e6:.0f} megapixels in {in_words(coded)}; "
            f"megapixels plus {_MEGABYTE} times megabytes are {work:.0f}, at most {_MOST_WORK} are "
            "read; save it smaller or with less quality"
        )


def broken(name: str, size: int, reason: str) -> BadImage:
    """Return the error for a file of ``size`` bytes that violates its format."""
    return BadImage(f"a broken {name} image of {in_words(size)}: {reason}")


def in_words(size: int) -> str:
    """Format a number of bytes, such as ``31 kB``."""
    if size < 1000:
        return f"{size} bytes"
    return f"{size / 1e3:.0f} kB" if size < 1e6 else f"{size / 1e6:.1f} MB"
