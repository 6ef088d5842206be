"""Check the arguments of stylers: pixels, strengths and masks."""

from __future__ import annotations

import math

import numpy as np

from style.arrays import Alpha, Pixels
from style.errors import BadMask, BadPixels, BadStrength

__all__ = ["check_mask", "check_pixels", "check_strength"]


def check_pixels(pixels: Pixels) -> Pixels:
    """Return the pixels if they are uint8 (h, w, 3) with at least one pixel. Raises BadPixels."""
    found = getattr(pixels, "shape", None)
    kind = getattr(pixels, "dtype", type(pixels).__name__)
    if kind != np.uint8 or found is None or len(found) != 3 or found[2] != 3 or 0 in found:
        raise BadPixels(
            f"pixels must be uint8 (h, w, 3), got {kind} {found}; decode the photo to sRGB first",
            param="pixels",
        )
    return pixels


def check_strength(strength: float, param: str = "strength") -> float:
    """Return the strength as a float from 0 to 1. Raises BadStrength."""
    try:
        value = float(strength)
    except (TypeError, ValueError):
        value = math.nan
    if not 0 <= value <= 1:
        raise BadStrength(
            f"{param} must be from 0 (the photo as it is) to 1 (the full style), got {strength!r}",
            param=param,
        )
    return value


def check_mask(mask: Alpha | None, pixels: Pixels) -> Alpha | None:
    """Return the mask as uint8 (h, w), with True as 255; None for None. Raises BadMask."""
    if mask is None:
        return None
    height, width = pixels.shape[:2]
    found = getattr(mask, "shape", None)
    kind = getattr(mask, "dtype", type(mask).__name__)
    if found != (height, width) or kind not in (np.uint8, np.bool_):
        raise BadMask(
            f"mask must be uint8 or bool ({height}, {width}) like the picture, got {kind} {found}",
            param="mask",
        )
    return mask.astype(np.uint8) * 255 if kind == np.bool_ else mask
