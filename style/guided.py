"""The guided filter: what was computed on a small copy follows the edges of the full picture.

K. He, J. Sun, X. Tang, "Guided image filtering", ECCV 2010, and K. He, J. Sun, "Fast guided
filter", arXiv:1505.00996, 2015. Around each pixel a result is a line over the guide, ``slope *
guide + offset``. Slopes and offsets are smooth, so they may be interpolated, and the guide of full
size brings its edges back.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from style.arrays import Floats, Pixels
from style.planes import box_mean, resized

__all__ = ["Lines", "fit_lines", "luma"]

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def luma(pixels: Pixels | Floats) -> Floats:
    """The brightness of (h, w, 3) as (h, w), in [0, 1]; floats are taken to be in [0, 1]."""
    scale = np.float32(255) if pixels.dtype == np.uint8 else np.float32(1)
    return np.asarray(pixels @ (_LUMA / scale), np.float32)


class Lines(NamedTuple):
    """A line over the guide for each pixel of a small plane: both (h, w)."""

    slope: Floats
    offset: Floats

    def on(self, guide: Floats, height: int, width: int, top: int, bottom: int) -> Floats:
        """The plane at (height, width), rows ``top`` to ``bottom``, whose guide this is."""
        slope = resized(self.slope, height, width, top, bottom)
        return slope * guide + resized(self.offset, height, width, top, bottom)


def fit_lines(plane: Floats, guide: Floats, radius: int, smooth: float, *, exact: bool) -> Lines:
    """Fit a plane (h, w) by lines over its guide (h, w), in squares of ``radius``.

    Contrasts of the guide below the root of ``smooth`` count as noise. With ``exact``, offsets
    take what the lines miss, so that at the small size the plane comes out as it went in.
    """
    mean_guide, mean_plane = box_mean(guide, radius), box_mean(plane, radius)
    variance = box_mean(guide * guide, radius) - mean_guide * mean_guide
    shared = box_mean(guide * plane, radius) - mean_guide * mean_plane
    steep: Floats = (shared / (np.maximum(variance, 0) + smooth)).astype(np.float32)
    slope, offset = box_mean(steep, radius), box_mean(mean_plane - steep * mean_guide, radius)
    if exact:
        offset = plane - slope * guide
    return Lines(slope, offset)
