"""Oklab: a color space in which equal steps look about equal.

Björn Ottosson, "A perceptual color space for image processing", 2020,
https://bottosson.github.io/posts/oklab/. L runs from 0 (black) to 1 (white); a and b are 0 for
grays; chroma is the length of (a, b) and reaches about 0.32 in sRGB.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from style.arrays import Floats, Pixels

__all__ = ["from_oklab", "oklab_of_pixels", "to_oklab"]

_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    np.float32,
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ],
    np.float32,
)
_FROM_LAB = np.linalg.inv(_TO_LAB.astype(np.float64)).astype(np.float32)
_FROM_LMS = np.linalg.inv(_TO_LMS.astype(np.float64)).astype(np.float32)


def to_oklab(srgb: Floats) -> Floats:
    """Convert sRGB (..., 3) in [0, 1] to Oklab (..., 3)."""
    return _lab_of_linear(_linear(srgb))


def oklab_of_pixels(pixels: Pixels) -> Floats:
    """Convert uint8 (..., 3) to Oklab (..., 3)."""
    return _lab_of_linear(_linear_levels()[pixels])


def from_oklab(lab: Floats) -> Floats:
    """Convert Oklab (..., 3) to sRGB (..., 3); colors outside sRGB leave [0, 1]."""
    lms = (lab @ _FROM_LAB.T) ** 3
    linear = lms @ _FROM_LMS.T
    curved = 1.055 * np.maximum(linear, 0.0031308) ** np.float32(1 / 2.4) - 0.055
    return np.where(linear <= 0.0031308, linear * np.float32(12.92), curved).astype(np.float32)


def _lab_of_linear(linear: Floats) -> Floats:
    lab: Floats = np.cbrt(linear @ _TO_LMS.T) @ _TO_LAB.T
    return lab


def _linear(srgb: Floats) -> Floats:
    curved = ((np.maximum(srgb, 0) + np.float32(0.055)) / np.float32(1.055)) ** np.float32(2.4)
    return np.where(srgb <= 0.04045, srgb / np.float32(12.92), curved).astype(np.float32)


@cache
def _linear_levels() -> Floats:
    """Linear light of each uint8 level, (256,)."""
    return _linear((np.arange(256) / 255).astype(np.float32))
