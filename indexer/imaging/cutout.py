"""Cut objects out of a white background and paste them on another: uint8 (h, w, 3) pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]


def thing_on_white(pixels: Pixels) -> Mask | None:
    """Return a mask (h, w), true on the object of a catalog picture.

    A white pixel belongs to the object if its row and its column have color on both sides of it.
    None if less than 70 % of the border is white, or if the mask is nearly empty or full.
    """
    white = pixels.min(axis=2) > 240
    border = np.concatenate([white[0], white[-1], white[:, 0], white[:, -1]])
    if border.mean() < 0.7:
        return None
    solid = ~white
    inside_row = np.maximum.accumulate(solid, 1) & np.maximum.accumulate(solid[:, ::-1], 1)[:, ::-1]
    inside_column = np.maximum.accumulate(solid, 0) & np.maximum.accumulate(solid[::-1], 0)[::-1]
    thing = solid | (inside_row & inside_column)
    return thing if 0.02 < thing.mean() < 0.98 else None


def put_on(pixels: Pixels, thing: Mask, background: Pixels) -> Pixels:
    """Show ``pixels`` where the mask ``thing`` (h, w) is true, ``background`` elsewhere.

    The seam is blurred.
    """
    soft = Image.fromarray(thing.astype(np.uint8) * 255).filter(ImageFilter.GaussianBlur(1.0))
    return np.asarray(Image.composite(Image.fromarray(pixels), Image.fromarray(background), soft))
