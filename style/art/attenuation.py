"""Weaken a filter where its texture would look like a fault of the product or of the photo.

On a dark fabric, bright specks of paper or grout look like a print that the fabric does not have.
On a white page they look like dirt. And shoppers recognize a product by fine details, such as a
logo or a seam.
"""

from __future__ import annotations

import numpy as np

from style.arrays import Floats
from style.art.canvas import detail
from style.guided import luma
from style.planes import gaussian, smoothstep

__all__ = ["attenuated", "on_clean_page"]

_DARK = 0.25  # share of the texture that is kept on black
_PAGE = 0.3  # on a white page


def attenuated(change: Floats, picture: Floats, spared: float) -> Floats:
    """Weaken a change (h, w, 3) of a picture where the picture is dark or detailed.

    In dark areas only the texture of the change is weakened, and its local mean stays. ``spared``
    is the share by which the change is weakened where the picture has fine detail.
    """
    light = luma(picture)
    kept = _DARK + (1 - _DARK) * smoothstep(0.05, 0.5, _around(light))
    change = _with_less_texture(change, kept)
    if not spared:
        return change
    return np.asarray(change * (1 - np.float32(spared) * detail(picture))[..., None], np.float32)


def on_clean_page(change: Floats, picture: Floats) -> Floats:
    """Weaken the texture of a change (h, w, 3) where the picture is a white page without edges."""
    page = smoothstep(0.88, 0.96, _around(luma(picture))) * (1 - detail(picture))
    return _with_less_texture(change, 1 - np.float32(1 - _PAGE) * page)


def _around(light: Floats) -> Floats:
    return gaussian(light, 0.004 * max(light.shape))


def _with_less_texture(change: Floats, kept: Floats) -> Floats:
    """Keep a share (h, w) of what differs from the local mean of (h, w, 3)."""
    mean = gaussian(change, 0.02 * max(kept.shape))
    return np.asarray(mean + (change - mean) * kept[..., None], np.float32)
