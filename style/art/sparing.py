"""What a filter leaves to the photo, so that a product stays the product.

On a dark fabric, bright specks of paper or grout look like a print that the fabric does not have;
and what a shopper reads a product by, such as a logo or a seam, is fine detail.
"""

from __future__ import annotations

import numpy as np

from style.arrays import Floats
from style.guided import luma
from style.planes import box_mean, gaussian, smoothstep

__all__ = ["spared"]

_DARK = 0.25  # of the texture that black takes


def spared(change: Floats, picture: Floats, detail: float) -> Floats:
    """Weaken a change (h, w, 3) of a picture where it is dark or detailed.

    Where the picture is dark, only the texture is weaker: what the change is on average stays.
    ``detail`` is the share that is taken from the change where the picture has fine detail.
    """
    side = max(picture.shape[:2])
    light = luma(picture)
    mean = gaussian(change, 0.02 * side)
    kept = _DARK + (1 - _DARK) * smoothstep(0.05, 0.5, gaussian(light, 0.004 * side))
    change = mean + (change - mean) * kept[..., None]
    if not detail:
        return change
    level = box_mean(light, 2)
    variance = np.maximum(box_mean(light * light, 2) - level * level, 0)
    fine = gaussian(smoothstep(0.01, 0.06, np.sqrt(variance)), 1.0)
    return np.asarray(change * (1 - np.float32(detail) * fine)[..., None], np.float32)
