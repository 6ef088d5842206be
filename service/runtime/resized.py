"""Smaller copies of the images of items, and a bounded cache of them in memory."""

from __future__ import annotations

import io
from hashlib import blake2b
from typing import Final, Literal, NamedTuple, TypeAlias

import numpy as np
import PIL
from PIL import Image, features

from indexer.errors import UnknownItem
from indexer.imaging.photos import Photo
from service.runtime.byte_cache import ByteCache
from style.campaign.gaps import without_gaps
from style.cutout import cut_out
from style.productmask import plain_background

SIZES = (80, 120, 160, 240, 320, 400)
"""The longer sides that can be requested, in pixels; few, so that the cache is effective."""

ImageFormat: TypeAlias = Literal["jpeg", "webp", "avif"]
_PREFERRED: Final[tuple[ImageFormat, ...]] = ("webp", "avif")
# WebP and AVIF have half the bytes of JPEG. AVIF takes twice the time of WebP for a few more bytes,
# or seven times as long for the same bytes and 0.8 dB, so it is for those who cannot read WebP.
_OPTIONS: Final[dict[ImageFormat, dict[str, int]]] = {
    "jpeg": {"quality": 85, "optimize": True},
    "webp": {"quality": 80, "method": 2},
    "avif": {"quality": 65, "speed": 10, "max_threads": 1},
}


class SizedImage(NamedTuple):
    """What a request wants of an image: the longer side in pixels, and the format.

    With ``cutout``, everything but the product is transparent; JPEG cannot be.
    """

    side: int
    format: ImageFormat
    cutout: bool = False

    def etag(self, data: bytes) -> str:
        """Return the strong ETag of the copy of this image, without making the copy."""
        digest = blake2b(data, digest_size=16, salt=PIL.__version__.encode()[:16]).hexdigest()
        return f'"{digest}-{self.side}{self.format}{"-cutout" if self.cutout else ""}"'


class ResizedImages:
    """Makes smaller copies of encoded images; keeps the latest in memory. Thread-safe."""

    def __init__(self, megabytes: float) -> None:
        """``megabytes`` limits the bytes of all copies together; 0 keeps none."""
        self._kept: ByteCache[str, bytes] = ByteCache(megabytes * 1e6, len)

    @property
    def kept_bytes(self) -> int:
        """The bytes of the copies in memory."""
        return self._kept.bytes_used

    def kept(self, etag: str) -> bytes | None:
        """Return the copy with this ETag if it is in memory, or None."""
        return self._kept.get(etag)

    def resized(self, data: bytes, wanted: SizedImage) -> bytes:
        """Return an encoded image, upright, without metadata, and no larger than ``wanted``.

        An image that is smaller keeps its size. Raises BadImage as ``decode`` does, and UnknownItem
        if its product is wanted alone, and cannot surely be told from the background.
        """
        key = wanted.etag(data)
        found = self._kept.get(key)
        if found is None:
            found = _resize(data, wanted)
            self._kept.put(key, found)
        return found


def accepted_format(accept: str) -> ImageFormat:
    """Return the best format that ``Accept`` names and Pillow can write, or else jpeg."""
    named = set()
    for choice in accept.split(","):
        kind, _, parameters = choice.partition(";")
        if not _is_zero(parameters):
            named.add(kind.strip().lower())
    return next(
        (name for name in _PREFERRED if f"image/{name}" in named and features.check(name)), "jpeg"
    )


def _is_zero(parameters: str) -> bool:
    name, _, value = parameters.partition("=")
    return name.strip().lower() == "q" and value.strip().strip("0.") == ""


def _resize(data: bytes, wanted: SizedImage) -> bytes:
    image = Image.fromarray(Photo(data).cut(side=wanted.side))
    image.thumbnail((wanted.side, wanted.side), Image.Resampling.LANCZOS)
    if wanted.cutout:
        image = _without_background(image)
    out = io.BytesIO()
    image.save(out, wanted.format, **_OPTIONS[wanted.format])
    return out.getvalue()


def _without_background(image: Image.Image) -> Image.Image:
    pixels = np.asarray(image)
    cut = cut_out(pixels)
    if cut.unsure:
        raise UnknownItem("this image has no cut-out, because its background is not plain")
    alpha = without_gaps(pixels, cut.alpha, plain_background(pixels))
    image.putalpha(Image.fromarray(alpha))
    return image
