"""Remove noise of the camera, and keep edges: a guided filter whose strength fits the noise.

The noise is measured as J. Immerkaer proposes ("Fast noise variance estimation", 1996), by the
median rather than the mean, so that texture counts less.
"""

from __future__ import annotations

import numpy as np

from style.arrays import Floats, Pixels
from style.guided import luma
from style.planes import box_mean
from style.strips import over_strips

__all__ = ["LEAST", "denoised", "noise_of"]

LEAST = 0.012
"""The least noise that is removed, of a range of 1."""
_RADIUS = 2
_LIGHT, _COLOR = 1.6, 3.0  # contrasts below this many deviations are smoothed
_WINDOW = 1024  # pixels a side that are measured
_CLIPPED = (0.02, 0.98)


def noise_of(pixels: Pixels) -> float:
    """Return the standard deviation of a photo's noise (h, w, 3), of a range of 1.

    Clipped pixels do not count. A photo without others, or smaller than 8 pixels, has no noise.
    """
    height, width = pixels.shape[:2]
    if min(height, width) < 8:
        return 0.0
    top, left = max(0, (height - _WINDOW) // 2), max(0, (width - _WINDOW) // 2)
    light = luma(pixels[top : top + _WINDOW, left : left + _WINDOW])
    across = light[:, 2:] - 2 * light[:, 1:-1] + light[:, :-2]
    both = across[2:] - 2 * across[1:-1] + across[:-2]  # (h - 2, w - 2)
    middle = light[1:-1, 1:-1]
    seen = np.abs(both[(middle > _CLIPPED[0]) & (middle < _CLIPPED[1])])
    if seen.size < 64:
        return 0.0
    return float(np.median(seen)) / (0.6745 * 6)


def denoised(pixels: Pixels, noise: float) -> Pixels:
    """Smooth a photo (h, w, 3) with noise of this deviation; colors are smoothed more.

    Noise below LEAST changes nothing. Strips overlap, so there are no seams.
    """
    if noise < LEAST:
        return pixels.copy()
    height, width = pixels.shape[:2]
    out = np.empty_like(pixels)
    rim = 3 * _RADIUS

    def work(top: int, bottom: int) -> None:
        start, stop = max(0, top - rim), min(height, bottom + rim)
        part = pixels[start:stop].astype(np.float32) / np.float32(255)
        light = luma(part)
        calm = _guided(light, light, (_LIGHT * noise) ** 2)
        made = np.empty(part.shape, np.float32)
        for channel in range(3):
            tint = _guided(part[..., channel] - light, light, (_COLOR * noise) ** 2)
            made[..., channel] = calm + tint
        inner = made[top - start : top - start + bottom - top]
        out[top:bottom] = np.clip(np.rint(255 * inner), 0, 255)

    over_strips(height, width, work)
    return out


def _guided(plane: Floats, guide: Floats, smooth: float) -> Floats:
    """Filter a plane (h, w) along the edges of a guide (h, w)."""
    mean_guide, mean = box_mean(guide, _RADIUS), box_mean(plane, _RADIUS)
    variance = np.maximum(box_mean(guide * guide, _RADIUS) - mean_guide * mean_guide, 0)
    shared = box_mean(guide * plane, _RADIUS) - mean_guide * mean
    slope: Floats = (shared / (variance + np.float32(smooth))).astype(np.float32)
    offset = mean - slope * mean_guide
    filtered: Floats = box_mean(slope, _RADIUS) * guide + box_mean(offset, _RADIUS)
    return filtered
