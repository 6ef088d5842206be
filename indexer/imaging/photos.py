"""Turn the bytes of a photo into the square that an encoder takes.

Indexing, live writes, migrations, queries and evaluation all use this module, so that a photo
always gives the same vector.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from indexer.imaging.borders import inside_border
from indexer.imaging.images import LIMITS, WHOLE, Box, ImageLimits, check_box, decode, inspect

if TYPE_CHECKING:
    from indexer.arrays import Pixels
    from indexer.imaging.preprocess import Preprocess


class Photo(NamedTuple):
    """The decoded picture (h, w, 3) for display, and the square (size, size, 3) for the encoder."""

    pixels: Pixels
    square: Pixels


def open_photo(
    data: bytes,
    preprocess: Preprocess,
    *,
    box: Box = WHOLE,
    side: int = 0,
    limits: ImageLimits = LIMITS,
) -> Photo:
    """Decode a photo, cut it to ``box``, trim a plain border if the encoder wants that, and fit it.

    A photo that was cut is not trimmed. ``side`` asks for more pixels than the encoder needs, see
    ``decode``. Raise BadImage as ``decode`` does.
    """
    pixels = decode(data, side=max(side, preprocess.source_side), box=box, limits=limits)
    if box != WHOLE or not preprocess.trim:
        return Photo(pixels, preprocess.fit_whole(pixels))
    height, width = pixels.shape[:2]
    inside = inside_border(pixels)
    x0, y0, x1, y1 = inside
    if (x1 - x0, y1 - y0) == (width, height):
        return Photo(pixels, preprocess.fit_whole(pixels))
    content = pixels[y0:y1, x0:x1]
    reduced = inspect(data, limits).width > width
    if reduced and min(content.shape[:2]) < preprocess.fitted_side:
        # It was decoded small enough for the whole photo, which is too small for its content.
        region = (x0 / width, y0 / height, x1 / width, y1 / height)
        content = decode(data, side=preprocess.fitted_side, box=region, limits=limits)
    return Photo(pixels, preprocess.fit_whole(content))


def read_photo(
    data: bytes, preprocess: Preprocess, *, box: Box = WHOLE, limits: ImageLimits = LIMITS
) -> Pixels:
    """Return only the square of ``open_photo``."""
    return open_photo(data, preprocess, box=box, limits=limits).square


def fit_pixels(pixels: Pixels, preprocess: Preprocess, *, box: Box = WHOLE) -> Pixels:
    """Cut, trim and fit decoded pixels (h, w, 3). Raise BadImage for an invalid box."""
    if box == WHOLE:
        return preprocess.fit_trimmed(pixels)
    height, width = pixels.shape[:2]
    x0, y0, x1, y1 = check_box(box)
    top, left = int(y0 * height), int(x0 * width)
    bottom, right = int(np.ceil(y1 * height)), int(np.ceil(x1 * width))
    return preprocess.fit_whole(pixels[top:bottom, left:right])
