"""The guided filter: transfer a result from a small copy to the edges of the full picture.

K. He, J. Sun, X. Tang, "Guided image filtering", ECCV 2010, and K. He, J. Sun, "Fast guided
filter", arXiv:1505.00996, 2015. Around each pixel, the result is a linear function of the guide,
``slope * guide + offset``. Slopes and offsets are smooth, so they can be interpolated to full size,
and the guide at full size adds the edges.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from style.arrays import Floats, Pixels
from style.planes import box_mean, resized

__all__ = ["Lines", "fit_lines", "luma"]

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def luma(pixels: Pixels | Floats) -> Floats:
    """Return the brightness of (h, w, 3) as (h, w), in [0, 1]; floats must be in [0, 1]."""
    scale = np.float32(255) if pixels.dtype == np.uint8 else np.float32(1)
    return np.asarray(pixels @ (_LUMA / scale), np.float32)


class Lines(NamedTuple):
    """A linear function of the guide for each pixel of a small plane; both are (h, w)."""

    slope: Floats
    offset: Floats

    def on(self, guide: Floats, height: int, width: int, top: int, bottom: int) -> Floats:
        """Return rows ``top`` to ``bottom`` of (height, width), given the guide of these rows."""
        slope = resized(self.slope, height, width, top, bottom)
        return slope * guide + resized(self.offset, height, width, top, bottom)


def fit_lines(plane: Floats, guide: Floats, radius: int, smooth: float, *, exact: bool) -> Lines:
    """Fit a plane (h, w) by linear functions of its guide (h, w), in squares of ``radius``.

    Contrasts of the guide below the square root of ``smooth`` count as noise. With ``exact``, the
    residuals are added to the offsets, so the plane is reproduced exactly at the small size.
    """
    mean_guide, mean_plane = box_mean(guide, radius), box_mean(plane, radius)
    variance = box_mean(guide * guide, radius) - mean_guide * mean_guide
    shared = box_mean(guide * plane, radius) - mean_guide * mean_plane
    steep: Floats = (shared / (np.maximum(variance, 0) + smooth)).astype(np.float32)
    slope, offset = box_mean(steep, radius), box_mean(mean_plane - steep * mean_guide, radius)
    if exact:
        offset = plane - slope * guide
    return Lines(slope, offset)
