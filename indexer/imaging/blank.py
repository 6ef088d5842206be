"""Recognize pictures that show nothing: white, or any other single color."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from indexer.imaging.images import decode

if TYPE_CHECKING:
    from indexer.arrays import Pixels

_LEVELS = 10  # of 255, between the darkest and the brightest pixel of a channel
_EDGE = 0.2  # percent of the darkest and of the brightest pixels that are ignored, such as a dot
_SIDE = 64  # pixels; a picture of one color has it at every size
_HEADER, _PER_PIXEL = 4000, 0.05  # bytes of a JPEG that may be of one color


def is_blank(pixels: Pixels) -> bool:
    """Return True if a picture (h, w, 3) has a single color, except for noise or a dot."""
    flat = pixels.reshape(-1, 3)  # (n, 3)
    low, high = np.percentile(flat, (_EDGE, 100 - _EDGE), axis=0)  # (3,) each
    return bool((high - low).max() <= _LEVELS)


def is_blank_jpeg(data: bytes, width: int, height: int) -> bool:
    """Return True if a JPEG copy of this size is blank. Only small files are decoded."""
    if len(data) > _HEADER + _PER_PIXEL * width * height:
        return False
    return is_blank(decode(data, side=_SIDE))
