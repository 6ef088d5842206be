"""Smaller copies of the images of items, and a bounded cache of them in memory."""

from __future__ import annotations

import io
from hashlib import blake2b
from typing import Literal, NamedTuple, TypeAlias

import PIL
from PIL import Image, features

from indexer.imaging.photos import Photo
from service.runtime.byte_cache import ByteCache

SIZES = (80, 120, 160, 240, 320, 400)
"""The longer sides that can be requested, in pixels; few, so that the cache is effective."""

ImageFormat: TypeAlias = Literal["jpeg", "webp"]
_JPEG = {"quality": 85, "optimize": True}
_WEBP = {"quality": 80, "method": 2}  # a third smaller; AVIF saves little more, in twice the time


class SizedImage(NamedTuple):
    """What a request wants of an image: the longer side in pixels, and the format."""

    side: int
    format: ImageFormat

    def etag(self, data: bytes) -> str:
        """Return the strong ETag of the copy of this image, without making the copy."""
        digest = blake2b(data, digest_size=16, salt=PIL.__version__.encode()[:16]).hexdigest()
        return f'"{digest}-{self.side}{self.format}"'


class ResizedImages:
    """Makes smaller copies of encoded images; keeps the latest in memory. Thread-safe."""

    def __init__(self, megabytes: float) -> None:
        """``megabytes`` limits the bytes of all copies together; 0 keeps none."""
        self._kept: ByteCache[str, bytes] = ByteCache(megabytes * 1e6, len)

    @property
    def kept_bytes(self) -> int:
        """The bytes of the copies in memory."""
        return self._kept.bytes_used

    def resized(self, data: bytes, wanted: SizedImage) -> bytes:
        """Return an encoded image, upright, without metadata, and no larger than ``wanted``.

        An image that is smaller keeps its size. Raises BadImage as ``decode`` does.
        """
        key = wanted.etag(data)
        found = self._kept.get(key)
        if found is None:
            found = _resize(data, wanted)
            self._kept.put(key, found)
        return found


def accepted_format(accept: str) -> ImageFormat:
    """Return webp if the header ``Accept`` names it (and Pillow can write it), or else jpeg."""
    for choice in accept.split(","):
        kind, _, parameters = choice.partition(";")
        if kind.strip().lower() == "image/webp" and not _is_zero(parameters):
            return "webp" if features.check("webp") else "jpeg"
    return "jpeg"


def _is_zero(parameters: str) -> bool:
    name, _, value = parameters.partition("=")
    return name.strip().lower() == "q" and value.strip().strip("0.") == ""


def _resize(data: bytes, wanted: SizedImage) -> bytes:
    image = Image.fromarray(Photo(data).cut(side=wanted.side))
    image.thumbnail((wanted.side, wanted.side), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    image.save(out, wanted.format, **(_WEBP if wanted.format == "webp" else _JPEG))
    return out.getvalue()
