"""Cut objects out of a white background and paste them on another: uint8 (h, w, 3) pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageFilter

if TYPE_CHECKING:
    from indexer.arrays import Mask, Pixels


def object_mask(pixels: Pixels) -> Mask | None:
    """Return a mask (h, w) of the object in a catalog picture.

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
    mask = solid | (inside_row & inside_column)
    return mask if 0.02 < mask.mean() < 0.98 else None


def paste_object(pixels: Pixels, mask: Mask, background: Pixels) -> Pixels:
    """Return ``pixels`` where the mask (h, w) is true, and ``background`` elsewhere.

    The edge is blurred.
    """
    soft = Image.fromarray(mask.astype(np.uint8) * 255).filter(ImageFilter.GaussianBlur(1.0))
    return np.asarray(Image.composite(Image.fromarray(pixels), Image.fromarray(background), soft))
