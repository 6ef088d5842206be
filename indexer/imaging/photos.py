"""Turn the bytes of a photo into the square that an encoder takes.

Indexing, live writes, migrations, queries, calibration and evaluation all use this module, so that
a photo always gives the same vector. Other packages do not call the decoder.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NamedTuple

from indexer.imaging.borders import inside_border
from indexer.imaging.images import (
    LIMITS,
    WHOLE,
    Box,
    EncodedImage,
    ImageInfo,
    ImageLimits,
    Reduction,
    cut,
    whole_side,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indexer.arrays import Pixels
    from indexer.imaging.preprocess import Preprocess

_KEPT_PIXELS = 4_000_000  # 12 MB; a larger decoded image is not kept for other cuts


class FittedPhoto(NamedTuple):
    """The decoded picture (h, w, 3) for display, and the square (size, size, 3) for the encoder."""

    pixels: Pixels
    square: Pixels


class Photo:
    """The bytes of a photo, decoded once and cut any number of times. Thread-safe.

    Decodes on the first cut, and keeps the decoded image for later cuts of the same resolution. An
    image of more than 4 megapixels is not kept: ``cut`` decodes it again. Never write to the
    pixels, since several calls may return the same array.
    """

    def __init__(self, data: bytes, limits: ImageLimits = LIMITS) -> None:
        self.data = data
        self._limits = limits
        self._lock = threading.Lock()
        self._encoded: EncodedImage | None = None
        self._decoded: dict[Reduction, Pixels] = {}

    @property
    def info(self) -> ImageInfo:
        """The format and the upright size. Raises BadImage if the header cannot be read."""
        with self._lock:
            return self._open().info

    def cut(self, box: Box = WHOLE, *, side: int | None = None) -> Pixels:
        """Return the region ``box`` as (h, w, 3): the same pixels as ``indexer.imaging.images``.

        With ``side`` the region may be reduced, but its shorter side keeps at least ``side`` pixels
        or its full size. Raises BadImage as ``decode`` does.
        """
        wanted = whole_side(side, box)
        with self._lock:
            encoded = self._open()
            reduction = encoded.reduction(wanted)
            if reduction.pixels > _KEPT_PIXELS:
                return encoded.decode(wanted, box)
            if reduction not in self._decoded:
                self._decoded[reduction] = encoded.decode(wanted)
        return cut(self._decoded[reduction], box)

    def fit(self, preprocess: Preprocess, *, box: Box = WHOLE, side: int = 0) -> FittedPhoto:
        """Cut to ``box``, trim a plain border if the encoder wants that, and fit to its square.

        A photo that was cut is not trimmed. ``side`` asks for more pixels than the encoder needs.
        Raises BadImage as ``cut`` does.
        """
        pixels = self.cut(box, side=max(side, preprocess.source_side))
        if box != WHOLE or not preprocess.trim:
            return FittedPhoto(pixels, preprocess.fit_whole(pixels))
        height, width = pixels.shape[:2]
        x0, y0, x1, y1 = inside_border(pixels)
        if (x1 - x0, y1 - y0) == (width, height):
            return FittedPhoto(pixels, preprocess.fit_whole(pixels))
        content = pixels[y0:y1, x0:x1]
        if min(content.shape[:2]) < preprocess.fitted_side and self.info.width > width:
            # It was decoded small enough for the whole photo, which is too small for its content.
            region = (x0 / width, y0 / height, x1 / width, y1 / height)
            content = self.cut(region, side=preprocess.fitted_side)
        return FittedPhoto(pixels, preprocess.fit_whole(content))

    def squares(self, preprocess: Preprocess, boxes: Sequence[Box]) -> list[Pixels]:
        """Return the square (size, size, 3) of ``fit`` of each box, in order.

        An image that is too large to be kept is decoded once for all boxes, or once for each scale
        of a JPEG, and not once for each box. Raises BadImage as ``cut`` does.
        """
        found: dict[int, Pixels] = {}
        sides = [whole_side(preprocess.source_side, box) for box in boxes]
        with self._lock:
            encoded = self._open()
            needed: dict[int | Reduction, tuple[int | None, Box]] = {}
            for number, (wanted, box) in enumerate(zip(sides, boxes, strict=True)):
                reduction = encoded.reduction(wanted)
                if reduction.pixels <= _KEPT_PIXELS:
                    needed[reduction] = (wanted, WHOLE)
                elif box != WHOLE:
                    needed[number] = (wanted, box)
            for reduction in self._decoded:
                needed.pop(reduction, None)
            places = list(needed)

            def take(at: int, pixels: Pixels) -> None:
                place = places[at]
                if isinstance(place, Reduction):
                    self._decoded[place] = pixels
                else:
                    found[place] = preprocess.fit_whole(pixels)

            encoded.decode_each(list(needed.values()), take)
        return [
            found[number] if number in found else self.fit(preprocess, box=box).square
            for number, box in enumerate(boxes)
        ]

    def _open(self) -> EncodedImage:
        if self._encoded is None:
            self._encoded = EncodedImage(self.data, self._limits)
        return self._encoded


class SharedPhotos:
    """The photos of one query: equal bytes share one Photo, and so its decoding."""

    def __init__(self, limits: ImageLimits = LIMITS) -> None:
        self._limits = limits
        self._photos: list[Photo] = []

    def photo(self, data: bytes) -> Photo:
        """Return the Photo of these bytes."""
        for photo in self._photos:
            if photo.data == data:
                return photo
        self._photos.append(Photo(data, self._limits))
        return self._photos[-1]


def open_photo(
    data: bytes,
    preprocess: Preprocess,
    *,
    box: Box = WHOLE,
    side: int = 0,
    limits: ImageLimits = LIMITS,
) -> FittedPhoto:
    """Decode and fit a photo, once; see ``Photo.fit``."""
    return Photo(data, limits).fit(preprocess, box=box, side=side)


def read_photo(
    data: bytes, preprocess: Preprocess, *, box: Box = WHOLE, limits: ImageLimits = LIMITS
) -> Pixels:
    """Return only the square of ``open_photo``."""
    return open_photo(data, preprocess, box=box, limits=limits).square


def fit_pixels(pixels: Pixels, preprocess: Preprocess, *, box: Box = WHOLE) -> Pixels:
    """Cut, trim and fit decoded pixels (h, w, 3). Raises BadImage for an invalid box."""
    if box == WHOLE:
        return preprocess.fit_trimmed(pixels)
    return preprocess.fit_whole(cut(pixels, box))
