"""Small copies of large pictures, made strip by strip."""

from __future__ import annotations

import numpy as np
from PIL import Image

from style.arrays import Pixels
from style.strips import over_strips

__all__ = ["shrunk"]

_STRIP = 1 << 20  # pixels that Pillow copies at a time


def shrunk(pixels: Pixels, side: int) -> Pixels:
    """Shrink (h, w, 3) so that no side is longer than ``side``; smaller input is returned as is.

    All pixels have equal weight. Needs about four times the memory of the result, and a strip per
    core, in addition to the result.
    """
    height, width = pixels.shape[:2]
    scale = max(height, width) / side
    if scale <= 1:
        return pixels
    size = (max(1, round(width / scale)), max(1, round(height / scale)))
    factor = int(scale / 2)
    if factor > 1:  # by a whole number, in strips; Pillow alone would copy the whole picture
        pixels = _reduced(pixels, factor)
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX))


def _reduced(pixels: Pixels, factor: int) -> Pixels:
    """Return the means of squares of ``factor`` pixels; squares at the far edges may be smaller."""
    height, width = pixels.shape[:2]
    rows, columns = -(-height // factor), -(-width // factor)
    small = np.empty((rows, columns, 3), np.uint8)

    def work(top: int, bottom: int) -> None:
        part = np.ascontiguousarray(pixels[top * factor : bottom * factor])
        small[top:bottom] = np.asarray(Image.fromarray(part).reduce(factor))

    over_strips(rows, width * factor, work, pixels=_STRIP)
    return small
