"""Cut the product out of a photo, to put it on another background.

The flood of ``productmask`` stops at dark shadows under a product, and does not reach what shows
through it. Here, shadows are followed to the line of contact: a shadow has the background's color,
only darker, and darkens towards the product without a step. Enclosed parts with exactly the color
of the background are openings (inside a handle, between legs) if little of the product is around
them; a white label on a white background is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from style.arrays import Alpha, Floats
from style.planes import box_mean, gradient
from style.productmask import Ground, flooded_ground, grown, mask_of, spread

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from style.arrays import Pixels

    Mask = NDArray[np.bool_]

__all__ = ["Cutout", "box_of", "cut_out"]

_SURE = 0.5
_DARKEST = 0.3  # of a shadow, as a share of the background's lightness
_LIT = 0.97  # from this share on it is no shadow
_FAINT = 0.9  # a shadow begins with more than this share
_UMBRA = 0.85  # and is even only with less: a pale, even product is no shadow
_SLOPE = 0.002  # least change from one pixel to the next, where it is not even
_DROP = 0.05  # in lightness from one pixel of a shadow to the next; edges are steeper
_TINT = 0.022  # how far the color of a shadow may be from that of the background
_SMOOTH = 0.004  # mean difference of lightness from the mean of 3 x 3 pixels, in a shadow
_EDGE = 3  # pixels from the product's edge that are rough, because the edge is near
_REACH = 0.086  # how far a dark shadow may extend, as a share of the picture's longer side
_OPENING_AREA = 0.0006  # as a share of the picture
_OPENING_TINT = 0.003  # difference of mean colors, but for lightness
_OPENING_LIGHT = 0.025  # the same for lightness; openings may be as dark as a shadow
_OPENING_SPREAD = 0.008  # standard deviation of lightness; white cloth has folds
_THIN = 0.17  # thickness of a product around an opening, as a share of the root of its area
_THIN_SHARE = 0.25  # of the outline of an opening
_MOST_OPENINGS = 24


class Cutout(NamedTuple):
    """A product's mask (h, w), 0 to 255, and how sure it is, from 0 to 1.

    ``box`` is (x0, y0, x1, y1) around it as shares of the sides, or None if there is no product.
    """

    alpha: Alpha
    confidence: float
    box: tuple[float, float, float, float] | None

    @property
    def unsure(self) -> bool:
        """True if the mask is probably wrong: the background is not plain, or nothing is on it."""
        return self.confidence < _SURE


def cut_out(pixels: Pixels) -> Cutout:
    """Cut out the one product of (h, w, 3). Raises BadPixels.

    On a busy background, and if there is no product, the result is unsure.
    """
    ground = flooded_ground(pixels)
    light, tint = _compared(ground)
    background = ground.reached | _shadows(ground.reached, light, tint)
    openings = _openings(ground, background, light, tint)
    if openings.any():
        background |= openings
        background |= _shadows(background, light, tint)
    alpha, confidence = mask_of(ground, background, pixels)
    return Cutout(alpha, confidence, box_of(alpha))


def box_of(alpha: Alpha) -> tuple[float, float, float, float] | None:
    """Return the box around the solid part of a mask (h, w), or None if it has none."""
    solid = alpha > 127
    rows, columns = np.flatnonzero(solid.any(axis=1)), np.flatnonzero(solid.any(axis=0))
    if not len(rows):
        return None
    height, width = alpha.shape
    x0, y0 = float(columns[0]) / width, float(rows[0]) / height
    x1, y1 = float(columns[-1] + 1) / width, float(rows[-1] + 1) / height
    return round(x0, 5), round(y0, 5), round(x1, 5), round(y1, 5)


def _compared(ground: Ground) -> tuple[Floats, Floats]:
    """Return the lightness of each pixel relative to the background, and how else it differs.

    Dimming a light scales Oklab colors by a factor: the first result. The second is the rest. Both
    are (y, x).
    """
    lab, model = ground.lab, ground.model
    light = (lab * model).sum(axis=2) / np.maximum((model * model).sum(axis=2), 1e-6)
    rest = lab - light[..., None] * model
    return light.astype(np.float32), np.sqrt((rest * rest).sum(axis=2))


def _shadows(background: Mask, light: Floats, tint: Floats) -> Mask:
    """Return what can be reached from shaded background (y, x) by walking into darker shadow.

    A shadow is as smooth as the background that it falls on, and gray cloth is not; only close to
    the product, where its edge makes everything rough, this is not asked.
    """
    smooth = _as_smooth(background, light)
    light = box_mean(light, 1)
    sloping = np.hypot(*gradient(light)) > _SLOPE
    shaded = (light > _DARKEST) & (light < _LIT) & (tint < _TINT) & (sloping | (light < _UMBRA))
    around = np.pad(light, 1, mode="edge")
    allowed = []
    for side in _SIDES:
        before = around[side]  # of the neighbor that the walk comes from
        step = before - light
        allowed.append(shaded & ~background & (step > -0.003) & (step < _DROP))
    # The flood may have stopped a little before the shadow.
    faint = grown(background, _EDGE) & shaded & (light > _FAINT)
    front = ((background & shaded) | faint) & smooth
    found = front & ~background
    for steps, open_ in ((int(_REACH * max(background.shape)), smooth), (_EDGE, None)):
        for _ in range(steps):
            padded = np.pad(front, 1)
            front = np.zeros_like(background)
            for side, free in zip(_SIDES, allowed, strict=True):
                front |= padded[side] & free
            front &= ~found
            if open_ is not None:
                front &= open_
            if not front.any():
                break
            found |= front
        front = found
    return found


def _as_smooth(background: Mask, light: Floats) -> Mask:
    """Return where the lightness (y, x) is as smooth as that of the background."""
    rough = box_mean(np.abs(light - box_mean(light, 1)), 2)
    if not background.any():
        return np.zeros_like(background)
    return rough < max(_SMOOTH, 1.5 * float(np.quantile(rough[background], 0.9)))


_SIDES: tuple[tuple[slice, slice], ...] = (
    (slice(2, None), slice(1, -1)),
    (slice(None, -2), slice(1, -1)),
    (slice(1, -1), slice(2, None)),
    (slice(1, -1), slice(None, -2)),
)
"""The four neighbors of each pixel, in planes that are padded by one."""


def _openings(ground: Ground, background: Mask, light: Floats, tint: Floats) -> Mask:
    """Return the enclosed parts (y, x) that show the background."""
    left = ~grown(~(ground.passable & ~background), 2)
    parts: list[Mask] = []
    while left.any() and len(parts) < _MOST_OPENINGS:
        seed = np.zeros_like(left)
        seed.flat[int(left.argmax())] = True
        part = spread(seed, left)
        left &= ~part
        if part.mean() >= _OPENING_AREA and _shows_background(part, light, tint):
            parts.append(grown(part, 2) & ground.passable & ~background)
    found = np.zeros_like(background)
    thin = max(3, int(_THIN * float((~background).sum()) ** 0.5))
    count = -1
    while count != (count := len(parts)):  # behind an opening there may be another
        near = grown(background | found, thin)
        for part in list(parts):
            outline = grown(part, 1) & ~part
            if (near & outline).sum() >= _THIN_SHARE * outline.sum():
                found |= part
                parts = [other for other in parts if other is not part]
    return found


def _shows_background(part: Mask, light: Floats, tint: Floats) -> bool:
    levels = light[part]
    off = abs(float(levels.mean()) - 1)
    return (
        off < _OPENING_LIGHT
        and float(tint[part].mean()) < _OPENING_TINT
        and float(levels.std()) < _OPENING_SPREAD
    )
