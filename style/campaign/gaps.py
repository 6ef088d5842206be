"""Parts of a product's mask that show the page of its photo: gaps, and rims of shadow."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from style.arrays import Alpha, Floats, Pixels
from style.planes import resized, smoothstep
from style.productmask import grown, spread
from style.shrink import shrunk

__all__ = ["without_gaps", "without_pale_rims"]

_GAP = 0.045  # largest difference from the background in a gap of the product
_SIDE = 384  # pixels of the copy on which gaps are found: between an arm and a body they are thin
_LEAST_GAP, _MOST_GAP = 0.0006, 0.5  # area of a gap, as a share of the product
_EDGE = 0.06  # least difference from the background where a product begins
_SHARP = 0.85  # share of a gap's border at which the product begins at once
_SMALL, _NEAR = 0.005, 0.09  # a small gap is near the outline, in sides; a glint need not be
_MOST_REGIONS = 60
_RIM_SIDE = 192  # pixels of the copy on which rims are found
_RIM = 4  # half the largest width of a rim, in pixels of the copy
_SHADOW, _COLORED = 0.45, 0.07  # of a shadow: its light, at least; its color, at most
_PALE = 0.08  # share of a product in such colors from its border on: more than a rim


def without_gaps(photo: Pixels, alpha: Alpha, ground: Floats) -> Alpha:
    """Return the mask without gaps through which the background is seen, as below an arm.

    A gap has the background's color, sharp borders, and less than half of the product. A white
    area of a product seldom has all of these. Gaps are found on a small copy.
    """
    small = shrunk(photo, _SIDE)
    size = small.shape[1::-1]
    inside = np.asarray(Image.fromarray(alpha).resize(size)) > 128
    behind = np.stack([resized(ground[..., c], *small.shape[:2]) for c in range(3)], axis=-1)
    away = np.abs(small.astype(np.float32) / 255 - behind).max(axis=2)  # (y, x)
    like = inside & (away < _GAP)
    product = away > _EDGE
    product |= ~inside & grown(inside & product, 2)  # beyond a rope or a strap
    near = grown(~inside, max(1, round(_NEAR * max(size))))
    gaps = np.zeros_like(like)
    for region in _regions(grown(~grown(~like, 1), 1) & like):  # no specks
        share = region.sum() / max(1, inside.sum())
        ring = grown(region, 5) & ~grown(region, 1)
        if not _LEAST_GAP < share < _MOST_GAP or (share < _SMALL and not near[region].any()):
            continue
        if float(product[ring].mean()) > _SHARP:
            gaps |= region
    if not gaps.any():
        return alpha
    height, width = alpha.shape
    around = resized(grown(gaps, 4).astype(np.float32), height, width) > 0.2
    full = np.stack([resized(ground[..., c], height, width) for c in range(3)], axis=-1)
    far = np.abs(photo.astype(np.float32) / 255 - full).max(axis=2)
    seen_through = around * smoothstep(3 * _GAP, _GAP, far)
    return np.asarray(np.rint(alpha * (1 - seen_through)), np.uint8)


def _regions(mask: NDArray[np.bool_]) -> list[NDArray[np.bool_]]:
    """Return the connected regions of a mask (h, w), at most the first ones."""
    left = mask.copy()
    found: list[NDArray[np.bool_]] = []
    while left.any() and len(found) < _MOST_REGIONS:
        seed = np.zeros_like(left)
        seed.flat[int(left.argmax())] = True
        region = spread(seed, left)
        left &= ~region
        found.append(region)
    return found


def without_pale_rims(photo: Pixels, alpha: Alpha, ground: Floats) -> Alpha:
    """Return the mask without thin borders that are the photo's page in a soft shadow.

    On a dark page they would shine. A rim has the color of the background and is not much darker.
    A product with pale parts at its border keeps its mask, since they could be taken for rims.
    """
    small = shrunk(photo, _RIM_SIDE).astype(np.float32) / 255
    height, width = small.shape[:2]
    inside = np.asarray(Image.fromarray(alpha).resize((width, height))) > 64
    behind = np.stack([resized(ground[..., c], height, width) for c in range(3)], axis=-1)
    shaded = small / np.maximum(behind, 0.02)  # (y, x, 3): 1 is the page, less is a shadow on it
    pale = (shaded.min(axis=2) > _SHADOW) & (np.ptp(shaded, axis=2) < _COLORED)
    pale &= inside
    beside = spread(~inside, pale | ~inside) & pale
    if beside.sum() > _PALE * inside.sum():
        return alpha
    rims = beside & ~grown(~grown(~pale, _RIM), _RIM)
    cover = resized(grown(rims, 1).astype(np.float32), *alpha.shape) > 0.2
    full = np.stack([resized(ground[..., c], *alpha.shape) for c in range(3)], axis=-1)
    level = photo / np.float32(255) / np.maximum(full, 0.02)
    seen = smoothstep(2 * _COLORED, _COLORED, np.ptp(level, axis=2).astype(np.float32))
    seen = seen * smoothstep(_SHADOW - 0.15, _SHADOW, level.min(axis=2).astype(np.float32))
    return np.asarray(np.rint(alpha * (1 - cover * seen)), np.uint8)
