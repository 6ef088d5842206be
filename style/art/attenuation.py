"""Weaken a filter where the photo is dark or detailed, so that the product stays recognizable.

On a dark fabric, bright specks of paper or grout look like a print that the fabric does not have.
And shoppers recognize a product by fine details, such as a logo or a seam.
"""

from __future__ import annotations

import numpy as np

from style.arrays import Floats
from style.art.canvas import detail
from style.guided import luma
from style.planes import gaussian, smoothstep

__all__ = ["attenuated"]

_DARK = 0.25  # share of the texture that is kept on black


def attenuated(change: Floats, picture: Floats, spared: float) -> Floats:
    """Weaken a change (h, w, 3) of a picture where the picture is dark or detailed.

    In dark areas only the texture of the change is weakened, and its local mean stays. ``spared``
    is the share by which the change is weakened where the picture has fine detail.
    """
    side = max(picture.shape[:2])
    light = luma(picture)
    mean = gaussian(change, 0.02 * side)
    kept = _DARK + (1 - _DARK) * smoothstep(0.05, 0.5, gaussian(light, 0.004 * side))
    change = mean + (change - mean) * kept[..., None]
    if not spared:
        return change
    return np.asarray(change * (1 - np.float32(spared) * detail(picture))[..., None], np.float32)
