"""The contrast of text to what is behind it (WCAG 2.2, success criterion 1.4.3)."""

from __future__ import annotations

import numpy as np

from style.arrays import Floats, Pixels

__all__ = ["READABLE", "Color", "contrast_on", "luminance", "readable"]

Color = tuple[int, int, int]
READABLE = 4.5
"""The least contrast of readable text."""
_WEIGHTS = np.array([0.2126, 0.7152, 0.0722], np.float32)
_INKS: tuple[Color, ...] = ((17, 17, 17), (255, 255, 255), (0, 0, 0))


def luminance(pixels: Pixels) -> Floats:
    """Return the relative luminance of sRGB (..., 3), in [0, 1]."""
    levels = pixels.astype(np.float32) / np.float32(255)
    curved = ((levels + np.float32(0.055)) / np.float32(1.055)) ** np.float32(2.4)
    linear = np.where(levels <= 0.04045, levels / np.float32(12.92), curved)
    light: Floats = (linear @ _WEIGHTS).astype(np.float32)
    return light


def contrast_on(color: Color, ground: Pixels) -> float:
    """Return the contrast of a color to pixels (..., 3), 1 to 21, where it is least.

    The lightest and the darkest hundredth of the pixels are left out: grain does not make text
    unreadable. Without pixels the contrast is 21.
    """
    if ground.size == 0:
        return 21.0
    ink = float(luminance(np.array(color, np.uint8)))
    low, high = (float(x) for x in np.quantile(luminance(ground), (0.01, 0.99)))
    if low <= ink <= high:
        return 1.0
    near = low if ink < low else high
    return (max(ink, near) + 0.05) / (min(ink, near) + 0.05)


def readable(wanted: Color, ground: Pixels) -> tuple[Color, float]:
    """Return the wanted color if it is readable on pixels (..., 3), else black or white.

    Of these the one with more contrast; the contrast is returned too, and may be too low.
    """
    contrast = contrast_on(wanted, ground)
    if contrast >= READABLE:
        return wanted, contrast
    found = max(((contrast_on(ink, ground), ink) for ink in _INKS), key=lambda pair: pair[0])
    return (found[1], found[0]) if found[0] > contrast else (wanted, contrast)
