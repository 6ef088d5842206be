"""The page around a product, where a style may paint more boldly than on the product.

A shopper recognizes a product by its own colors and details, so filters are mild there. On the
empty page they need not be: that is where the eye sees which style a picture has.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from style.arrays import Floats, Pixels
from style.art.canvas import SIDE
from style.oklab import from_oklab
from style.planes import gaussian, resized
from style.productmask import flooded_ground, mask_of
from style.shrink import shrunk

__all__ = ["Stage", "stage_of", "tints"]

Numbers: TypeAlias = NDArray[np.floating]

_SIDE = 208  # of the copy in which the product is looked for
_REACH = 0.09  # of the longer side: how far the paint goes from the product
_LIGHT, _DARK = 0.8, 0.4  # lightness of a light page, at least; and of a dark page, at most
_GLOW, _DEEPER = 3.5, 4  # of paint on a dark page: its light, and how strong its color is
_PLAIN, _LEVEL = 0.75, 0.03  # of the border's page: its share, and how much its lightness varies
_GRAY, _CLEAR = 0.01, 0.04  # chroma of a product without a hue, and with a clear one


class Stage(NamedTuple):
    """The light or dark page around a product, (h, w) each.

    ``open`` is 1 on the page and 0 on the product. ``near`` is 1 beside the product, and falls to 0
    away from it; it is 0 everywhere if white cloth may pass for the page. ``hue`` is that of the
    product in Oklab, in radians; None if it is gray. ``size`` is the unit of brushes. ``dark`` is
    True if the page is dark.
    """

    open: Floats
    near: Floats
    hue: float | None
    size: float
    dark: bool

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return self.open.shape[0], self.open.shape[1]

    def laid(self, picture: Floats, factors: Floats) -> Floats:
        """Paint on the page of a picture, and not on the product; all are (h, w, 3) in [0, 1].

        Factors, from 0 to 1, are by what paint multiplies a light page. A dark page is lit up by
        the same paint in a stronger color instead: the more, the darker its factors.
        """
        open_ = self.open[..., None]
        if not self.dark:
            return np.asarray(picture * (1 + (factors - 1) * open_), np.float32)
        light = 1 - np.exp(np.float32(_GLOW) * (factors.mean(axis=2, keepdims=True) - 1))
        color = (factors / np.maximum(factors.max(axis=2, keepdims=True), 1e-3)) ** _DEEPER
        return np.asarray(1 - (1 - picture) * (1 - light * color * open_), np.float32)


def stage_of(small: Pixels) -> Stage | None:
    """Find the page of (h, w, 3). None if it is neither light nor dark, not plain, or uncertain."""
    height, width = small.shape[:2]
    tiny = shrunk(small, _SIDE)
    if min(tiny.shape[:2]) < 16:
        return None
    ground = flooded_ground(tiny)
    light = float(ground.model[..., 0].mean())
    if _DARK < light < _LIGHT or (light <= _DARK and ground.plain < _PLAIN):
        return None  # a border that is dark in part may be a dark product
    mask = mask_of(ground, ground.reached, small)
    if mask.unsure:
        return None
    product = mask.alpha.astype(np.float32) / np.float32(255)
    inside = resized(product, *tiny.shape[:2])
    near = np.clip(2 * gaussian(inside, _REACH * max(inside.shape)), 0, 1)
    if ground.plain < _PLAIN and float(np.ptp(ground.model[..., 0])) > _LEVEL:
        near[:] = 0  # a close-up: the shades of the page may be cloth that reaches the border
    color = (ground.lab[..., 1:] * inside[..., None]).sum((0, 1)) / max(float(inside.sum()), 1e-6)
    is_gray = float(np.hypot(*color)) < (_GRAY + _CLEAR) / 2
    return Stage(
        open=1 - product,
        near=resized(near.astype(np.float32), height, width),
        hue=None if is_gray else float(np.arctan2(color[1], color[0])),
        size=max(height, width) / SIDE,
        dark=light <= _DARK,
    )


def tints(light: Numbers, chroma: Numbers, hue: Numbers) -> Floats:
    """Return the sRGB colors (n, 3) of lightness, chroma and hue (radians) in Oklab, (n,) each."""
    light, chroma, hue = np.broadcast_arrays(light, chroma, hue)
    lab = np.stack([light, chroma * np.cos(hue), chroma * np.sin(hue)], axis=-1)
    return np.asarray(np.clip(from_oklab(lab.astype(np.float32)), 0, 1), np.float32)
