"""What a format's walk finds out about a file before a pixel is decoded."""

from __future__ import annotations

from typing import NamedTuple

from indexer.errors import BadImage

MOST_SEGMENTS = 65_536
"""Segments, chunks or blocks of a file that are walked; no camera or editor writes that many."""

MOST_PROFILE = 4_000_000
"""Bytes of a color profile that are read; those of printers have 2 MB."""

MOST_EXIF = 1_000_000
"""Bytes of EXIF or XMP that are searched for the orientation."""

# WebP and AVIF: a megabyte of coded data takes as long as five megapixels of it, measured.
_MEGABYTE, _MOST_WORK = 5, 100
_STRIP = 1000  # pixels on the longer side, up to which any shape is read: it costs nothing


class ImageLimits(NamedTuple):
    """What is refused before decoding.

    ``megapixels``, ``megabytes`` and ``side`` (pixels) are the most that is read. A picture may be
    ``aspect`` times as long as it is wide; small ones, whose longer side has at most 1,000 pixels,
    may have any shape.
    """

    megapixels: float = 64.0
    megabytes: float = 32.0
    side: int = 20_000
    aspect: float = 50.0


LIMITS = ImageLimits()


class Structure(NamedTuple):
    """A file as its format lays it out: what its decoder is given, and what that will take.

    ``width`` and ``height`` are those of the stored picture, before ``orientation`` (1 to 8, as in
    EXIF) turns it upright. ``parts`` are the bytes of the first picture alone, without side data.
    Decoding takes ``fixed_bytes`` of memory, and ``pixel_bytes`` more for each pixel that comes
    out. ``profile`` is the embedded color profile, empty without one. ``key`` is the 16-bit gray
    that is transparent. ``probe``, where the file lacks its end, is the same picture with noise
    behind it: it decodes to other pixels if ``parts`` lacks some.
    """

    format: str
    width: int
    height: int
    parts: tuple[bytes | memoryview, ...]
    pixel_bytes: float
    fixed_bytes: int = 0
    orientation: int = 1
    profile: bytes = b""
    key: int | None = None
    probe: tuple[bytes | memoryview, ...] = ()


def check_size(name: str, width: int, height: int, limits: ImageLimits) -> None:
    """Return if a picture of this size may be decoded. Raises BadImage if it is too large."""
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
            f"too large: {name} of {width} x {height}, at most {limits.side} pixels a side are "
            "read; make it smaller"
        )
    if longer > _STRIP and longer > limits.aspect * shorter:
        raise BadImage(
            f"too long: {name} of {width} x {height} is {longer / shorter:.0f} times as long as "
            f"wide, at most {limits.aspect:g} times is read; cut it"
        )


def check_work(name: str, pixels: int, coded: int) -> None:
    """Return if ``coded`` bytes of so many pixels are soon decoded; BadImage if they are not."""
    work = pixels / 1e6 + _MEGABYTE * coded / 1e6
    if work > _MOST_WORK:
        raise BadImage(
            f"too much work: {name} that codes {pixels / 1e6:.0f} megapixels in {in_words(coded)}; "
            f"megapixels plus {_MEGABYTE} times megabytes are {work:.0f}, at most {_MOST_WORK} are "
            "read; save it smaller or with less quality"
        )


def broken(name: str, size: int, reason: str) -> BadImage:
    """The error for a file of ``size`` bytes that does not follow its format."""
    return BadImage(f"a broken {name} image of {in_words(size)}: {reason}")


def in_words(size: int) -> str:
    """A number of bytes for people, such as ``31 kB``."""
    if size < 1000:
        return f"{size} bytes"
    return f"{size / 1e3:.0f} kB" if size < 1e6 else f"{size / 1e6:.1f} MB"
